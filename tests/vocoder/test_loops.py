"""Fifty loops that the score writer wrote, through their images: the seam is a beat like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import FULL_BAND
from riffkit.vocoder.decode import decode
from train.score import find_soundfont, render, write_score

RATE = 44_100
SEEDS = range(9_000, 9_050)


@pytest.fixture(scope="module")
def soundfont() -> Path:
    pytest.importorskip("tinysoundfont")
    try:
        return find_soundfont()
    except ParameterError as missing:
        pytest.skip(str(missing))


def beat_fluxes(waveform: Tensor, n_beats: int) -> np.ndarray:
    """The largest spectral flux within 20 ms of each beat; the first beat lies over the seam."""
    mid = waveform.mean(0)
    margin, hop = 4096, 128
    round_the_seam = torch.cat((mid[-margin:], mid, mid[:margin]))
    window = torch.hann_window(1024)
    magnitude = torch.stft(round_the_seam, 1024, hop, window=window, return_complex=True).abs()
    flux = magnitude.diff(dim=1).clamp(min=0).sum(0).numpy()
    place = (np.arange(len(flux)) + 0.5) * hop - margin
    beats = np.arange(n_beats) * len(mid) / n_beats
    return np.array([flux[np.abs(place - beat) < 0.02 * RATE].max() for beat in beats])


@pytest.mark.slow
def test_fifty_seams(soundfont: Path) -> None:
    fluxes = []
    for seed in SEEDS:
        score = write_score(seed)
        loop = torch.as_tensor(np.asarray(render(score, soundfont)), dtype=torch.float32)
        grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
        decoded = decode(waveform_to_image(loop, RATE, FULL_BAND, grid=grid), circular=True)
        step = (decoded[:, 0] - decoded[:, -1]).abs().max()
        assert step <= decoded.diff().abs().max(), f"a click over the seam of {seed}"
        own = beat_fluxes(decoded, score.n_beats)
        fluxes.append(own / own.mean())
    usual = np.percentile(np.concatenate(fluxes), 95)
    assert sum(own[0] > usual for own in fluxes) <= 6
