"""The tensors of a TensorFlow checkpoint, read without TensorFlow.

A checkpoint is one file of raw tensors, and a LevelDB table (`.index`) that says where each lies
in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from riffkit.errors import ParameterError

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
_EPSILON = 1e-3  # of TensorFlow's batch normalisation


def read_checkpoint(folder: Path) -> dict[str, np.ndarray]:
    """Every float tensor of a TensorFlow checkpoint without a name."""
    try:
        index = (folder / ".index").read_bytes()
        data = (folder / ".data-00000-of-00001").read_bytes()
    except OSError as error:
        raise ParameterError(
            f"{folder.name}: not a musicnn checkpoint; use the folder MTT_musicnn of its wheel"
        ) from error
    footer = index[-_FOOTER_BYTES:]
    if struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ParameterError(f"{folder.name}/.index: is damaged; unpack the wheel again")
    _, at = _varint(footer, 0)  # the meta index, which holds nothing
    _, at = _varint(footer, at)
    tensors = {}
    for _, handle in _entries(index, footer, at):
        for name, entry in _entries(index, handle, 0):
            found = _fields(entry)
            if not name or found.get(1) != 1:  # the header, and what is no float32
                continue
            shape = [_fields(d)[1] for d in _all_fields(found.get(2, b""), 2)]
            start, size = found.get(4, 0), found[5]
            tensors[name.decode()] = (
                np.frombuffer(data[start : start + size], "<f4").copy().reshape(shape)
            )
    return tensors


def normalisation(
    tensors: dict[str, np.ndarray], index: int
) -> tuple[Float32[Tensor, " channel"], Float32[Tensor, " channel"]]:
    """What the checkpoint's batch normalisation of that number multiplies by, and what it adds."""
    suffix = f"_{index}" if index else ""
    gamma, beta, mean, variance = (
        tensors[f"batch_normalization{suffix}/{part}"]
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    return torch.from_numpy(scale), torch.from_numpy(beta - mean * scale)


def _entries(table: bytes, handle: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the block that a handle (offset, size) at `at` points to."""
    start, at = _varint(handle, at)
    size, _ = _varint(handle, at)
    block = table[start : start + size]
    (n_restarts,) = struct.unpack("<I", block[-4:])
    end = size - 4 - 4 * n_restarts
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    """A base-128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _walk(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: their numbers and values."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
        elif kind == 2:
            size, at = _varint(message, at)
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            at += 4 if kind == 5 else 8


def _fields(message: bytes) -> dict[int, Any]:
    return dict(_walk(message))


def _all_fields(message: bytes, number: int) -> list[Any]:
    return [value for n, value in _walk(message) if n == number]
