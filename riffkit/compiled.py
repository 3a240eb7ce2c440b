"""The decorator for loops that can't be tensor operations; numba compiles them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# All liberties but reordering sums: short sums lose by it, and results stay the same.
FAST_MATH = {"nnan", "ninf", "nsz", "arcp", "contract"}


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile at the first call; the machine code is cached on disk for later processes.

    The loops let other threads run and don't expect NaN. If no folder is writable (a
    read-only installation without a home) each process compiles for itself.
    """
    plain = inspect.unwrap(function)  # without the wrapper that checks types while tests run
    try:
        return numba.njit(plain, cache=True, nogil=True, error_model="numpy", fastmath=FAST_MATH)
    except RuntimeError:  # numba: no locator available, that is no place for the cache
        return numba.njit(plain, nogil=True, error_model="numpy", fastmath=FAST_MATH)
