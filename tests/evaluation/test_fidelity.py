"""The figures say what is known of the sounds that they compare."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.evaluation.fidelity import (
    channel_correlation,
    fidelity,
    image_l1,
    log_spectral_distance,
    multi_resolution_stft,
    spectral_convergence,
    visqol,
)
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1

RATE = 44_100


def hiss(n_channels: int = 1, *, seconds: float = 2.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(n_channels, int(seconds * RATE), generator=generator)


def test_a_sound_is_as_itself() -> None:
    clip = hiss()
    image = waveform_to_image(clip, RATE, RIFFUSION_V1)
    found = fidelity(clip, clip, image)
    assert found.image_l1 == found.lsd_db == found.mr_stft == found.convergence == 0
    assert found.visqol is None


def test_half_as_loud_is_six_decibels_in_every_figure() -> None:
    clip = hiss()
    options = (clip, 0.5 * clip, RATE, 10_000.0)
    assert log_spectral_distance(*options) == pytest.approx(6.02, abs=0.1)
    assert spectral_convergence(*options) == pytest.approx(0.5, abs=1e-3)
    assert multi_resolution_stft(*options) == pytest.approx(0.5 + math.log(2), abs=0.02)


def test_only_the_band_counts() -> None:
    clip = hiss()
    high = 0.1 * torch.sin(2 * torch.pi * 15_000 * torch.arange(clip.shape[-1]) / RATE)
    assert log_spectral_distance(clip, clip + high, RATE, 10_000.0) < 0.2
    assert spectral_convergence(clip, clip + high, RATE, 20_000.0) > 0.2


def test_image_levels_are_those_of_the_image() -> None:
    grid = BeatGrid(120.0, 2)
    clip = hiss(2, seconds=1.0)
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=grid)
    assert image_l1(clip, image) == 0
    # a quarter of the level is 4 ** -0.25 of the darkness
    darkness = 255 - float(torch.tensor(image.pixels, dtype=torch.float32).mean())
    assert image_l1(0.25 * clip, image) == pytest.approx(darkness * (1 - 4**-0.25), rel=0.02)


def test_correlation_of_left_and_right() -> None:
    left = hiss()
    assert channel_correlation(torch.cat((left, left)), RATE) == pytest.approx(1, abs=1e-4)
    assert channel_correlation(torch.cat((left, -left)), RATE) == pytest.approx(-1, abs=1e-4)
    assert abs(channel_correlation(hiss(2), RATE)) < 0.02
    assert channel_correlation(left, RATE) == 1
    rumble = 3 * torch.sin(2 * torch.pi * 5 * torch.arange(left.shape[-1]) / RATE)
    assert channel_correlation(torch.cat((left + rumble, -left + rumble)), RATE) < -0.99


def test_visqol_hears_what_is_missing() -> None:
    seconds = torch.arange(5 * RATE) / RATE
    tones = sum(torch.sin(2 * torch.pi * hz * seconds) for hz in (220.0, 880.0, 3_520.0))
    clip = (0.05 * tones * torch.exp(-3 * (seconds % 0.5)))[None] + 0.05 * hiss(seconds=5.0)
    noisy = clip + 0.3 * hiss(seconds=5.0, seed=1)
    same, worse = visqol(clip, clip, RATE), visqol(clip, noisy, RATE)
    assert same > 4.6
    assert worse < same - 0.3


def test_another_length_is_refused() -> None:
    clip = hiss()
    with pytest.raises(ParameterError, match="the original's shape"):
        fidelity(clip, clip[:, 1:], waveform_to_image(clip, RATE, RIFFUSION_V1))
