"""Weights as they lie in a file: tensors that are views of it, read when they are used.

A file of gigabytes is mapped into memory, not copied: what is converted to another dtype is
converted tensor by tensor, and the pages that were read for it are given back at once, so that
loading takes hardly more memory than the loaded weights.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
_LENGTH_BYTES = 8
_PIECE = 1 << 19
_MOST_HEADER_BYTES = 100 << 20


class DamagedError(Exception):
    """A file is damaged; the message says how."""


class MappedFile:
    """A memory-mapped file, copy on write: changes to a tensor stay in this process."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            except ValueError as error:
                raise DamagedError("it is empty") from error
        self._begin = torch.frombuffer(self._map, dtype=torch.uint8).data_ptr()

    def __len__(self) -> int:
        return len(self._map)

    def __getitem__(self, part: slice) -> bytes:
        return self._map[part]

    def tensor(
        self, dtype: torch.dtype, shape: Sequence[int], begin: int, strides: Sequence[int] = ()
    ) -> Tensor:
        """The tensor from byte `begin` on; DamagedError if it would reach past the end."""
        if 0 in shape:
            return torch.empty(tuple(shape), dtype=dtype)
        count = math.prod(shape)
        if strides:
            count = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        if begin < 0 or count < 1 or begin + count * dtype.itemsize > len(self):
            raise DamagedError("it is truncated")
        flat = torch.frombuffer(self._map, dtype=dtype, count=count, offset=begin)
        return flat.as_strided(tuple(shape), tuple(strides)) if strides else flat.view(tuple(shape))

    def release(self, tensor: Tensor) -> bool:
        """Release the memory of a tensor's bytes; False if they aren't from this file."""
        begin = tensor.data_ptr() - self._begin
        if not 0 <= begin < len(self):
            return False
        if hasattr(self._map, "madvise"):
            first = begin // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, first, begin + tensor.nbytes - first)
        return True


@dataclass(frozen=True, eq=False)
class Stored:
    """Tensors by name, as views of `files`; `metadata` is that of a safetensors file."""

    tensors: dict[str, Tensor]
    files: tuple[MappedFile, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def materialized(self, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
        """The tensor in the given dtype and device, still a view of the file if nothing changes.

        Integers keep their dtype.
        """
        wanted = dtype if tensor.is_floating_point() else tensor.dtype
        if (tensor.dtype, wanted, device.type) == (torch.float16, torch.bfloat16, "cpu"):
            materialized = _in_bfloat16(tensor)
        else:
            materialized = tensor.to(device, wanted).contiguous()
        if materialized.data_ptr() != tensor.data_ptr():
            any(file.release(tensor) for file in self.files)
        elif tensor.data_ptr() % tensor.element_size():
            materialized = tensor.clone()
        return materialized


def _in_bfloat16(tensor: Tensor) -> Tensor:
    """By way of float32, a cache's fill at a time: PyTorch's own way takes three times as long."""
    materialized = torch.empty(tensor.shape, dtype=torch.bfloat16)
    pieces = tensor.flatten().split(_PIECE), materialized.view(-1).split(_PIECE)
    for piece, place in zip(*pieces, strict=True):
        place.copy_(piece.float())
    return materialized


def read_safetensors(path: Path) -> Stored:
    """The tensors and metadata of a safetensors file; DamagedError if it is damaged."""
    file = MappedFile(path)
    length = int.from_bytes(file[:_LENGTH_BYTES], "little")
    begin = _LENGTH_BYTES + length
    if length > _MOST_HEADER_BYTES or begin > len(file):
        raise DamagedError("it is truncated")
    try:
        header = json.loads(file[_LENGTH_BYTES:begin])
        metadata = header.pop("__metadata__", {})
        tensors = {
            name: _tensor(file, begin, entry["dtype"], entry["shape"], *entry["data_offsets"])
            for name, entry in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError("its header is damaged") from error
    return Stored(tensors, (file,), metadata)


def _tensor(
    file: MappedFile, data: int, dtype_name: str, shape: list[int], begin: int, end: int
) -> Tensor:
    if dtype_name not in _DTYPES:
        raise DamagedError(f"it has an unsupported number type ({dtype_name})")
    dtype = _DTYPES[dtype_name]
    if begin < 0 or end - begin != math.prod(shape) * dtype.itemsize:
        raise DamagedError("its header is damaged")
    return file.tensor(dtype, shape, data + begin)


def looks_like_safetensors(head: bytes) -> bool:
    """By its first nine bytes: the header's length, and where that begins."""
    return len(head) > _LENGTH_BYTES and head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{"
