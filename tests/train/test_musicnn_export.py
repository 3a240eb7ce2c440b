"""musicnn's weights out of a TensorFlow checkpoint, written here by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from riffkit.errors import ParameterError
from riffkit.evaluation.musicnn import BRANCHES
from train.musicnn import export_front_end

KERNELS = {
    "timbral_38": (7, 38, 1, 204), "timbral_67": (7, 67, 1, 204), "temporal_128": (128, 1, 1, 51),
    "temporal_64": (64, 1, 1, 51), "temporal_32": (32, 1, 1, 51),
}  # fmt: skip


def varint(value: int) -> bytes:
    low = bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
    return low + (varint(value >> 7) if value > 0x7F else b"")


def block(entries: dict[bytes, bytes]) -> bytes:
    body, last = b"", b""
    for key, value in sorted(entries.items()):
        shared = next(
            (k for k, (a, b) in enumerate(zip(last, key, strict=False)) if a != b),
            min(len(last), len(key)),
        )
        rest = key[shared:]
        body += varint(shared) + varint(len(rest)) + varint(len(value)) + rest + value
        last = key
    return body + struct.pack("<II", 0, 1)  # one restart point, at the beginning


def entry(array: np.ndarray, offset: int) -> bytes:
    sizes = b"".join(
        b"\x12" + varint(len(size)) + size for size in (b"\x08" + varint(n) for n in array.shape)
    )
    place = (b"\x20" + varint(offset) if offset else b"") + b"\x28" + varint(array.nbytes)
    return b"\x08\x01\x12" + varint(len(sizes)) + sizes + place + b"\x35\0\0\0\0"


def write_checkpoint(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    data, entries = b"", {b"": b"\x08\x01"}
    for name, array in tensors.items():
        entries[name.encode()] = entry(array, len(data))
        data += array.astype("<f4").tobytes()
    values = block(entries)
    meta = block({})
    handle = varint(0) + varint(len(values))
    index = block({b"zzz": handle})
    at_meta = len(values) + 5  # each block is followed by its compression and its checksum
    at_index = at_meta + len(meta) + 5
    footer = varint(at_meta) + varint(len(meta)) + varint(at_index) + varint(len(index))
    footer = footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    table = values + b"\0" * 5 + meta + b"\0" * 5 + index + b"\0" * 5 + footer
    folder.mkdir()
    (folder / ".index").write_bytes(table)
    (folder / ".data-00000-of-00001").write_bytes(data)


def test_every_layer_finds_its_place(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    tensors: dict[str, np.ndarray] = {}
    for index, n in enumerate((1, 204, 204, 51, 51, 51)):
        suffix = f"_{index}" if index else ""
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            values = generator.uniform(0.5, 2, n).astype(np.float32)
            tensors[f"batch_normalization{suffix}/{part}"] = values
    for index, name in enumerate(BRANCHES):
        layer = f"conv2d_{index}" if index else "conv2d"
        tensors[f"{layer}/kernel"] = generator.normal(size=KERNELS[name]).astype(np.float32)
        tensors[f"{layer}/bias"] = generator.normal(size=KERNELS[name][3]).astype(np.float32)
    write_checkpoint(tmp_path / "MTT_musicnn", tensors)
    export_front_end(tmp_path / "MTT_musicnn", tmp_path / "front_end.safetensors")
    found = load_file(tmp_path / "front_end.safetensors")
    for index, name in enumerate(BRANCHES):
        layer = f"conv2d_{index}" if index else "conv2d"
        kernel = tensors[f"{layer}/kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(found[f"{name}.weight"], kernel, rtol=1e-3, atol=1e-4)
        norm = f"batch_normalization_{index + 1}"
        scale = tensors[f"{norm}/gamma"] / np.sqrt(tensors[f"{norm}/moving_variance"] + 1e-3)
        shift = tensors[f"{norm}/beta"] - tensors[f"{norm}/moving_mean"] * scale
        np.testing.assert_allclose(found[f"{name}.scale"], scale, rtol=1e-3)
        np.testing.assert_allclose(found[f"{name}.shift"], shift, rtol=1e-2, atol=2e-3)
    assert found["mel_filters"].shape == (257, 96)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="MTT_musicnn"):
        export_front_end(tmp_path, tmp_path / "out.safetensors")
