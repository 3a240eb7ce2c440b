"""Clicks on a grid, and off it."""

from __future__ import annotations

import pytest
import torch

from riffkit.evaluation.reading import share_on_grid

RATE = 44_100


def clicks(beats: list[float], bpm: float, n_beats: int = 8) -> torch.Tensor:
    n_samples = round(n_beats * 60 / bpm * RATE)
    loop = torch.zeros(1, n_samples)
    decay = torch.exp(-torch.arange(2_000) / 300)
    noise = torch.randn(2_000, generator=torch.Generator().manual_seed(0)) * decay
    for beat in beats:
        start = round(beat * 60 / bpm * RATE)
        loop[0, (start + torch.arange(2_000)) % n_samples] += noise
    return loop


@pytest.mark.parametrize("bpm", [70.0, 120.0, 170.0])
def test_sixteenths_are_on_the_grid(bpm: float) -> None:
    beats = [0.0, 0.75, 1.0, 2.25, 3.5, 4.0, 5.0, 6.5, 7.75]
    assert share_on_grid(clicks(beats, bpm), RATE, n_beats=8) == 1


def test_half_of_them_late_by_a_third_of_a_sixteenth() -> None:
    beats = [0, 1, 2, 3, 4, 5, 6, 7]
    late = [0.5 + beat + 1 / 12 for beat in beats]
    found = share_on_grid(clicks([*map(float, beats), *late], 60.0), RATE, n_beats=8)
    assert found is not None and found <= 0.5


def test_silence_has_no_onsets() -> None:
    assert share_on_grid(torch.zeros(2, RATE), RATE, n_beats=8) is None
