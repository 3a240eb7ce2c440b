from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1

RATE = 44_100


@pytest.fixture(scope="session")
def make_music() -> Callable[[int], Tensor]:
    """Stereo "music" of any length: decaying chords with harmonics, hiss, a panned bass."""

    def music(n_samples: int) -> Tensor:
        generator = torch.Generator().manual_seed(7)
        seconds = torch.arange(n_samples) / RATE
        left = 0.002 * torch.randn(n_samples, generator=generator)
        right = 0.002 * torch.randn(n_samples, generator=generator)
        envelope = torch.exp(-6 * (seconds % 0.5))
        for note, pan in ((110, 0.2), (220, 0.5), (277.18, 0.7), (329.63, 0.9)):
            for harmonic in range(1, 9):
                tone = torch.sin(2 * math.pi * note * harmonic * seconds) / harmonic
                left += 0.1 * (1 - pan) * envelope * tone
                right += 0.1 * pan * envelope * tone
        return torch.stack((left, right))

    return music


@pytest.fixture(scope="session")
def make_tone() -> Callable[..., Tensor]:
    """A mono sine of full scale times `gain`."""

    def tone(hz: float, n_samples: int, gain: float = 0.5) -> Tensor:
        return gain * torch.sin(2 * math.pi * hz * torch.arange(n_samples) / RATE)[None]

    return tone


@pytest.fixture(scope="session")
def stereo_image(make_music) -> SpectrogramImage:
    """Left, right and mid, four beats of a loop."""
    return waveform_to_image(make_music(100_000), RATE, FULL_BAND, grid=BeatGrid(98.5, 4))


@pytest.fixture(scope="session")
def mono_image(make_music) -> SpectrogramImage:
    """A second of riffusion-v1."""
    return waveform_to_image(make_music(RATE), RATE, RIFFUSION_V1)


@pytest.fixture
def save_gray(tmp_path) -> Callable[..., Path]:
    """Writes a gray image by Pillow, with the EXIF tags given, and returns its path."""

    def save(name: str, *, exif: dict[int, object] | None = None, size=(512, 512)) -> Path:
        level = np.random.default_rng(3).integers(0, 256, size[::-1], dtype=np.uint8)
        tags = Image.Exif()
        tags.update(exif or {})
        Image.fromarray(level).convert("RGB").save(tmp_path / name, exif=tags)
        return tmp_path / name

    return save
