"""Memory settings of the process."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h


def keep_freed_memory() -> None:
    """Let the C library keep up to 512 MB of freed blocks for the next ones.

    Arrays of some megabytes come and go at every step; with fresh pages each time, page faults are
    a tenth of a decoding. For programs, not for libraries: the command line calls it. It acts on
    glibc alone.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 << 20)
        mallopt(_TRIM_THRESHOLD, 512 << 20)


def collect_seldom() -> None:
    """Let Python look for circular garbage a seventieth as often.

    Importing torch and diffusers makes a million objects, none of them garbage, and each search
    goes through all of them: a tenth of `riff generate`. For programs, as `keep_freed_memory`.
    """
    gc.set_threshold(50_000, 20, 50)


def give_back_freed_memory() -> None:
    """Let the system have what was freed, where the next task is long and its blocks are others."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
