"""Weights in torch's pickled files (.ckpt, .bin), read without running anything that they name.

A pickle is a program: it may name any function and call it. torch.load with `weights_only` calls
those alone that make a tensor or a plain value. Here it is also given a stub, which does nothing,
for each class of another's program, such as a trainer's callbacks: none of them is imported. A
file that names anything else is refused.
"""

from __future__ import annotations

import pickle
import re
import sys
import warnings
from _compat_pickle import IMPORT_MAPPING  # torch.load calls some modules by their Python 2 names
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from riffkit.models.weights.mapped import DamagedError, Stored

_ZIP_HEAD = b"PK\x03\x04"
_UNSAFE = re.compile(r"GLOBAL (\S+) (?:was not an allowed|whose module)")

_HARMLESS = {
    "builtins": "set frozenset dict list tuple int float complex bool str bytes bytearray object "
    "slice range",
    "collections": "Counter",
    "copyreg": "_reconstructor",
    "datetime": "datetime date time timedelta timezone",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "typing": "Any Union Optional Dict List Tuple",
    "fractions": "Fraction",
    "decimal": "Decimal",
    "uuid": "UUID",
    "torch": "Generator",
    "numpy": "dtype ndarray float64 float32 float16 int64 int32 bool_",
    "numpy.core.multiarray": "scalar _reconstruct",
    "numpy._core.multiarray": "scalar _reconstruct",
}
_HARMLESS_PACKAGES = ("torch.nn.", "torch.optim.", "numpy.dtypes")


class RefusedError(Exception):
    """Reading the file would call `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def looks_pickled(head: bytes) -> bool:
    """By its first bytes: a zip archive, or a pickle of protocol 2 or later."""
    return head.startswith(_ZIP_HEAD) or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05")


def read_pickled(path: Path) -> Stored:
    """The tensors of a state dict, whichever of its keys holds it, on the CPU.

    Those of a zip archive, torch.save's format since 1.6, are mapped into memory; the older format
    is read as a whole. RefusedError names what the file would have called, DamagedError says what
    is wrong with it.
    """
    try:
        return Stored(_tensors(_loaded(path)))
    except (RefusedError, OSError):
        raise
    except Exception as error:  # damaged bytes make torch.load raise errors of nearly every kind
        raise DamagedError(
            "it is damaged, truncated or not in torch.save's default format (then save its "
            "state dict again)"
        ) from error


def _loaded(path: Path) -> Any:
    with path.open("rb") as file:
        is_archive = file.read(len(_ZIP_HEAD)) == _ZIP_HEAD
    # torch goes by the name where it is one of safetensors
    mapped = is_archive and path.suffix != ".safetensors"
    stubs: dict[str, Callable[..., Any]] = {
        "collections.defaultdict": _empty_dict,
        "collections.deque": _empty_list,
    }
    if is_archive:
        unsafe = get_unsafe_globals_in_checkpoint(path)
        stubs |= {name: _stub(name) for name in unsafe if name not in stubs}
    while True:
        try:
            with (
                warnings.catch_warnings(),
                safe_globals([(stub, name) for name, stub in stubs.items()]),
            ):
                warnings.simplefilter("ignore")  # of another protocol
                if mapped:
                    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
                with path.open("rb") as file:
                    return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            # The older format's names are only known from this, one by one, before any weights.
            unsafe_name = _UNSAFE.search(str(error))
            if unsafe_name is None:
                raise
            name = unsafe_name[1] if "." in unsafe_name[1] else f"builtins.{unsafe_name[1]}"
            if name in stubs:  # torch leaves "builtins." out of what it says
                raise RefusedError(f"builtins.{name}") from error
            stubs[name] = _stub(name)


class _Inert:
    """What a foreign class becomes: it takes whatever is done to it, and does nothing."""

    def __new__(cls, *args: Any, **options: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


def _empty_dict(*args: Any) -> dict[Any, Any]:
    return {}


def _empty_list(*args: Any) -> list[Any]:
    return []


def _stub(name: str) -> Callable[..., Any]:
    """What stands for a harmless class; RefusedError for all else."""
    module, _, own = name.rpartition(".")
    if not _is_harmless(module, own):
        raise RefusedError(name)
    return type(own, (_Inert,), {})


def _is_harmless(module: str, name: str) -> bool:
    """Whether a name may stand for nothing: a class of another's program, or a plain value's."""
    if name in _HARMLESS.get(module, "").split():
        return True
    package = module.partition(".")[0]
    is_class = name.lstrip("_")[:1].isupper()
    if package in sys.stdlib_module_names or package in IMPORT_MAPPING:
        return False
    if package in ("torch", "numpy"):
        return module.startswith(_HARMLESS_PACKAGES) and is_class
    return is_class


def _tensors(found: Any) -> dict[str, Tensor]:
    """The state dict: what was saved, or what lies in it as "state_dict"."""
    for _ in range(2):
        if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
            found = found["state_dict"]
    if not isinstance(found, Mapping):
        return {}
    return {
        name: value.detach()
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
