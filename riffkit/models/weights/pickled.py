"""Weights in torch's pickled files (.ckpt, .bin), read without running anything that they name.

A pickle is a program: it may name any function and call it. Here the only names that do something
are those that make a tensor (`_TENSOR_MAKERS`). The classes of others' programs, such as a
trainer's callbacks, stand for nothing, and none of them is imported; a file that names anything
else is refused.

Read are both of torch.save's formats: a zip archive since torch 1.6, a row of pickles before.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
import sys
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING  # Python 2's names, as pickle reads them
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from riffkit.models.weights.mapped import DamagedError, MappedFile, Stored

_ZIP_HEAD = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<26xHH")  # the lengths of a zip entry's name and extra field
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_COUNT_BYTES = 8

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
_HARMLESS = {
    "builtins": "set frozenset dict list tuple int float complex bool str bytes bytearray object "
    "slice range",
    "collections": "defaultdict Counter deque",
    "copyreg": "_reconstructor",
    "_codecs": "encode",
    "datetime": "datetime date time timedelta timezone",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "typing": "Any Union Optional Dict List Tuple",
    "fractions": "Fraction",
    "decimal": "Decimal",
    "uuid": "UUID",
    "torch": "Size device dtype Tensor Generator",
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
    """The tensors of a state dict, whichever of its keys holds it.

    RefusedError names what the file would have called, DamagedError says what is wrong with it.
    """
    file = MappedFile(path)
    read = _read_archive if file[:4] == _ZIP_HEAD else _read_legacy
    try:
        return Stored(_tensors(file, read(path, file)), (file,))
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        struct.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        RecursionError,
        MemoryError,
        OverflowError,
    ) as error:
        raise DamagedError("it is damaged or truncated") from error


class _Sealed:
    """What a pickle's BUILD can't change."""

    def __setstate__(self, state: Any) -> None: ...


@dataclass(eq=False)
class _Storage(_Sealed):
    """A row of `count` numbers, `begin` bytes into the file (known later in the old format)."""

    dtype: torch.dtype
    count: int
    begin: int = -1


@dataclass(frozen=True, eq=False)
class _View(_Sealed):
    """A tensor to be: part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    def tensor(self, file: MappedFile) -> Tensor:
        extent = sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        last = self.offset + extent
        n_bytes = self.storage.count * self.storage.dtype.itemsize
        signs = (self.offset, self.storage.begin, *self.strides)
        if min(signs) < 0 or (0 not in self.shape and (last + 1) * self.dtype.itemsize > n_bytes):
            raise DamagedError("it is damaged")
        begin = self.storage.begin + self.offset * self.dtype.itemsize
        return file.tensor(self.dtype, self.shape, begin, self.strides)


class _Inert(_Sealed):
    """What a foreign class becomes: it takes whatever is done to it, and does nothing."""

    def __init__(self, *args: Any, **options: Any) -> None: ...

    def __new__(cls, *args: Any, **options: Any) -> _Inert:
        return object.__new__(cls)

    def __call__(self, *args: Any, **options: Any) -> _Inert:
        return self

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...

    def add(self, item: Any) -> None: ...


class _Dict(_Sealed, dict[Any, Any]):
    """An OrderedDict without attributes of its own, which torch's state dicts have."""


class _Maker(_Sealed):
    """A function that a pickle may call, and can't change."""

    __slots__ = ("_call",)
    _call: Callable[..., Any]

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError("a function can't be changed")


def _view(storage: Any, offset: int, shape: Any, strides: Any, *rest: Any) -> _View:
    dtype = rest[2] if len(rest) > 2 and isinstance(rest[2], torch.dtype) else storage.dtype
    return _View(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)), dtype)


def _parameter(data: Any, *rest: Any) -> Any:
    return data


_TENSOR_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _Dict,
    ("torch._utils", "_rebuild_tensor"): _view,
    ("torch._utils", "_rebuild_tensor_v2"): _view,
    ("torch._utils", "_rebuild_tensor_v3"): _view,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


class _Unpickler(pickle.Unpickler):
    """Finds no class but the ones above; `storages` are the rows of numbers that it met."""

    def __init__(self, file: Any, find: Callable[[str, _Storage], None] | None = None) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}
        self._find = find

    def find_class(self, module: str, name: str) -> Any:
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        if (module, name) in _TENSOR_MAKERS:
            return _Maker(_TENSOR_MAKERS[module, name])
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return _STORAGES[name]
        if module == "torch" and isinstance(dtype := torch.__dict__.get(name), torch.dtype):
            return dtype
        if not _is_harmless(module, name):
            raise RefusedError(f"{module}.{name}")
        return type(name, (_Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        if pid[0] == "module":  # a network's class, with its source
            return pid[1]
        dtype, key, _, count, *view = pid[1:]
        if pid[0] != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError("not a storage")
        storage = self.storages.get(str(key))
        if storage is None:
            storage = self.storages[str(key)] = _Storage(dtype, int(count))
            if self._find is not None:
                self._find(str(key), storage)
        if not view or view[0] is None:
            return storage
        raise pickle.UnpicklingError("a storage that is part of another")


def _is_harmless(module: str, name: str) -> bool:
    """Whether a name may stand for nothing: a class of another's program, or a plain value's."""
    if name in _HARMLESS.get(module, "").split():
        return True
    package = module.partition(".")[0]
    is_class = name.rpartition(".")[2].lstrip("_")[:1].isupper()
    if package in sys.stdlib_module_names:
        return False
    if package in ("torch", "numpy"):
        return module.startswith(_HARMLESS_PACKAGES) and is_class
    return is_class


def _checked(file: BufferedReader | BytesIO) -> None:
    """Read past one pickle; DamagedError where it isn't whole, or made to fill the memory."""
    for n_read, (opcode, argument, _) in enumerate(pickletools.genops(file), 1):
        if opcode.name.startswith("EXT"):
            raise RefusedError(f"copyreg's extension {argument}")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > n_read:
            raise DamagedError("it is damaged")


def _unpickled(
    file: BufferedReader | BytesIO, find: Callable[[str, _Storage], None] | None = None
) -> _Unpickler:
    begin = file.tell()
    _checked(file)
    file.seek(begin)
    return _Unpickler(file, find)


def _read_archive(path: Path, file: MappedFile) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        (main,) = (name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl"))
        folder = main.removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise DamagedError("its numbers are of another byte order")
        program = BytesIO(archive.read(main))

    def find(key: str, storage: _Storage) -> None:
        entry = entries[f"{folder}data/{key}"]
        if entry.compress_type != zipfile.ZIP_STORED:
            raise DamagedError("its weights are compressed; unpack them and zip them without")
        if storage.count * storage.dtype.itemsize > entry.file_size:
            raise ValueError("a storage that is longer than its entry")
        name, extra = _LOCAL_HEADER.unpack_from(
            file[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size]
        )
        storage.begin = entry.header_offset + _LOCAL_HEADER.size + name + extra

    return _unpickled(program, find).load()


def _read_legacy(path: Path, file: MappedFile) -> Any:
    with path.open("rb") as opened:
        magic, _, _ = (_unpickled(opened).load() for _ in range(3))
        if magic != _LEGACY_MAGIC:
            raise DamagedError("it is a pickle, but not one of torch's")
        unpickler = _unpickled(opened)
        found = unpickler.load()
        keys = _unpickled(opened).load()
        position = opened.tell()
    for key in keys:
        storage = unpickler.storages[str(key)]
        storage.begin = position + _COUNT_BYTES
        if int.from_bytes(file[position : storage.begin], "little") != storage.count:
            raise DamagedError("it is damaged or truncated")
        position = storage.begin + storage.count * storage.dtype.itemsize
    return found


def _tensors(file: MappedFile, found: Any) -> dict[str, Tensor]:
    """The state dict: what was saved, or what lies in it as "state_dict"."""
    for _ in range(2):
        if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
            found = found["state_dict"]
    if not isinstance(found, Mapping):
        return {}
    return {
        name: value.tensor(file)
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, _View)
    }
