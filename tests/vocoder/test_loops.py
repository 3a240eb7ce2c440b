"""Fifty loops that the score writer wrote, through their images: the seam is a beat like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.evaluation.fidelity import flux_at
from riffkit.score import write_score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import FULL_BAND
from riffkit.vocoder.decode import decode
from train.sounds.render_score import render
from train.sounds.soundfonts import find_soundfont

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
    """The first beat lies over the seam."""
    beats = np.arange(n_beats) * waveform.shape[-1] / n_beats
    return flux_at(waveform, RATE, beats, circular=True)


@pytest.mark.slow
def test_fifty_seams(soundfont: Path) -> None:
    fluxes = []
    for seed in SEEDS:
        score = write_score(seed)
        loop = torch.as_tensor(np.asarray(render(score, soundfont)), dtype=torch.float32)
        grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
        decoded = decode(waveform_to_image(loop, RATE, FULL_BAND, grid=grid), circular=True)
        # a click bends the wave; the steepest place of a smooth one may well lie at the seam
        over_seam = torch.cat((decoded[:, -2:], decoded[:, :2]), dim=1)
        bend, *bounds = (
            wave.diff(n=n).abs().max() for wave, n in ((over_seam, 2), (decoded, 1), (decoded, 2))
        )
        assert bend <= min(bounds), f"a click over the seam of {seed}"
        own = beat_fluxes(decoded, score.n_beats)
        fluxes.append(own / own.mean())
    usual = np.percentile(np.concatenate(fluxes), 95)
    assert sum(own[0] > usual for own in fluxes) <= 6
