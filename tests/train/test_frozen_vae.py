"""The frozen autoencoder: a snapshot becomes a standardised folder once, and keeps its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from train.denoiser.autoencoder import Encoder, copy_frozen, frozen_folder
from train.denoiser.fingerprint import fingerprint_of, hash_of
from train.snapshot import save_snapshot
from train.stream.recipe import FIRST_HELD_OUT, DrawnClip
from train.vae.network import VaeConfig, new_vae

CONFIG = VaeConfig(sound_channels=4, channels=(16, 16, 16), groups=4)


class _Drawn:
    """Striped clips; counts what was drawn."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, number: int) -> DrawnClip:
        self.numbers.append(number)
        rng = np.random.default_rng(number)
        rows = rng.integers(0, 250, (3, 64, 1)) + rng.integers(0, 5, (3, 64, 128))
        return DrawnClip(number, "mix", rows.astype(np.uint8), {})


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_snapshot(tmp_path / "vae.safetensors", new_vae(CONFIG), 9, CONFIG.to_dict())
    return tmp_path / "vae.safetensors"


def test_a_snapshot_is_standardised_once(snapshot: Path, tmp_path: Path) -> None:
    draw = _Drawn()
    folder, again = (frozen_folder(snapshot, tmp_path / "cache", draw) for _ in range(2))
    assert folder == again
    assert len(draw.numbers) == 32
    assert min(draw.numbers) >= FIRST_HELD_OUT
    assert fingerprint_of(folder) == hash_of(snapshot)
    encode = Encoder(folder)
    measured = [draw(number).pixels for number in tuple(draw.numbers)]
    latents = torch.stack([encode(pixels) for pixels in measured])
    assert latents.shape[1:] == (4, 4, 8)
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 0.1
    assert (latents.std(dim=(0, 2, 3)) - 1).abs().max() < 0.1


def test_a_folder_is_used_as_it_is_and_a_copy_keeps_its_name(
    snapshot: Path, tmp_path: Path
) -> None:
    folder = frozen_folder(snapshot, tmp_path / "cache", _Drawn())
    assert frozen_folder(folder, tmp_path / "other", _Drawn()) == folder
    copy_frozen(folder, tmp_path / "half")
    assert fingerprint_of(tmp_path / "half") == fingerprint_of(folder)
    picture = _Drawn()(1).pixels
    torch.testing.assert_close(
        Encoder(tmp_path / "half")(picture), Encoder(folder)(picture), atol=0.2, rtol=0
    )
    with pytest.raises(ParameterError, match="is not an autoencoder"):
        frozen_folder(tmp_path / "nowhere", tmp_path, _Drawn())
