"""musicnn's weights out of a TensorFlow checkpoint, written here by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.musicnn import BRANCHES
from riffkit.analysis.tags import tag_probabilities, unpack
from riffkit.errors import ParameterError
from train.tools.musicnn import export_musicnn
from train.tools.musicnn_tagger import tagger_tensors

KERNELS = {
    "timbral_38": (7, 38, 1, 204),
    "timbral_67": (7, 67, 1, 204),
    "temporal_128": (128, 1, 1, 51),
    "temporal_64": (64, 1, 1, 51),
    "temporal_32": (32, 1, 1, 51),
}


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


Arrays = dict[str, np.ndarray]
N_DEAD = 400  # of the front-end's features; of the first layer's filters the last 40


@pytest.fixture(scope="module")
def tensors() -> Arrays:
    """A whole checkpoint; dead filters hear nothing, and dead channels' pools never vary."""
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        n_heard = np.prod(shape[:-1]) if len(shape) > 1 else 1
        return (generator.normal(size=shape) / np.sqrt(n_heard)).astype(np.float32)

    kernels = [*KERNELS.values(), (7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]
    found = {}
    for index, shape in enumerate(kernels):
        layer = f"conv2d_{index}" if index else "conv2d"
        found |= {f"{layer}/kernel": normal(*shape), f"{layer}/bias": normal(shape[3])}
    for layer, dense in (("dense", (1506, 200)), ("dense_1", (200, 50))):
        found |= {f"{layer}/kernel": normal(*dense), f"{layer}/bias": normal(dense[1])}
    for index, n in enumerate((1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)):
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            values = generator.uniform(0.5, 2, n).astype(np.float32)
            found[f"batch_normalization{f'_{index}' if index else ''}/{part}"] = values
    found["conv2d_5/kernel"][..., 24:] = 0
    found["conv2d_5/bias"][24:] = -1  # nothing after relu
    found["conv2d_6/kernel"][..., 10] = 0  # dead in the second layer, yet the first one's goes on
    variance = found["batch_normalization_9/moving_variance"].reshape(-1, 2)
    means = found["batch_normalization_9/moving_mean"].reshape(-1, 2)
    for dead in (slice(0, N_DEAD), slice(561 + 24, 561 + 64), slice(625 + 10, 625 + 11)):
        variance[dead] = 0
        means[dead, 0] = means[dead, 1]
    _, shift = scale_and_shift(found, 6)
    means[561 + 24 : 561 + 64] = shift.numpy()[24:, None]
    return found


@pytest.fixture(scope="module")
def folder(tensors: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("musicnn")
    write_checkpoint(folder / "MTT_musicnn", tensors)
    export_musicnn(folder / "MTT_musicnn", folder / "weights")
    return folder / "weights"


def scale_and_shift(tensors: Arrays, index: int) -> tuple[Tensor, Tensor]:
    gamma, beta, mean, variance = (
        torch.from_numpy(tensors[f"batch_normalization_{index}/{part}"])
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / torch.sqrt(variance + 1e-3)
    return scale, beta - mean * scale


def plain_probabilities(features: Tensor, tensors: Arrays) -> Tensor:
    """As musicnn's models.py says it, but that dead channels are heard beside the patch too."""
    t = {name: torch.from_numpy(array) for name, array in tensors.items()}
    maps = [features]
    for index in range(3):
        padded = functional.pad(maps[-1], (3, 3))
        dead = (slice(0, N_DEAD), slice(24, 64), slice(0))[index]
        padded[:, dead] = maps[-1][:, dead, :1]
        kernel = t[f"conv2d_{5 + index}/kernel"][:, :, 0].permute(2, 1, 0)
        found = functional.relu(functional.conv1d(padded, kernel, t[f"conv2d_{5 + index}/bias"]))
        scale, shift = scale_and_shift(tensors, 6 + index)
        found = found * scale[:, None] + shift[:, None]
        maps.append(found + maps[-1] if index else found)
    whole = torch.cat(maps, dim=1)
    pooled = torch.stack((whole.amax(dim=2), whole.mean(dim=2)), dim=2).flatten(1)
    scale, shift = scale_and_shift(tensors, 9)
    hidden = functional.relu((pooled * scale + shift) @ t["dense/kernel"] + t["dense/bias"])
    scale, shift = scale_and_shift(tensors, 10)
    return torch.sigmoid((hidden * scale + shift) @ t["dense_1/kernel"] + t["dense_1/bias"])


def test_every_layer_of_the_front_end_finds_its_place(folder: Path, tensors: Arrays) -> None:
    found = load_file(folder / "front_end.safetensors")
    for index, name in enumerate(BRANCHES):
        layer = f"conv2d_{index}" if index else "conv2d"
        kernel = tensors[f"{layer}/kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(found[f"{name}.weight"], kernel, rtol=1e-3, atol=1e-4)
        scale, shift = scale_and_shift(tensors, index + 1)
        np.testing.assert_allclose(found[f"{name}.scale"], scale, rtol=1e-3)
        np.testing.assert_allclose(found[f"{name}.shift"], shift, rtol=1e-2, atol=2e-3)
    assert found["mel_filters"].shape == (257, 96)


def test_what_is_left_of_the_tagger_tells_the_same(
    folder: Path, tensors: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = unpack(load_tensors(folder / "tagger.safetensors"))
    assert weights["features"].tolist() == list(range(N_DEAD, 561))
    assert weights["conv1.weight"].shape == (24, 561 - N_DEAD, 7)
    features = torch.randn(3, 561, 40, generator=torch.Generator().manual_seed(0))
    means = torch.from_numpy(tensors["batch_normalization_9/moving_mean"]).view(-1, 2)
    features[:, :N_DEAD] = means[:N_DEAD, 1, None]
    expected = plain_probabilities(features, tensors)
    found = tag_probabilities(features[:, weights["features"]], weights)
    assert expected.std() > 0.2
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03)
    monkeypatch.setattr("train.tools.musicnn_tagger._pack", dict)  # nothing in eight bits
    weights = unpack(tagger_tensors(tensors))
    found = tag_probabilities(features[:, weights["features"]], weights)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="MTT_musicnn"):
        export_musicnn(tmp_path, tmp_path / "out")
