"""A plain voice that hums tunes for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from riffkit.score.notes import Note
from riffkit.spectrogram.beat_grid import BeatGrid

_N_HARMONICS = 6
_DECAY_SECONDS = 1.2
_ATTACK_SECONDS = 0.01


def play(notes: Sequence[Note], grid: BeatGrid, sample_rate: int) -> Tensor:
    """Synthesize notes as a loop: six decaying harmonics, wrapped around the end; peak 0.5."""
    n_samples = grid.n_samples(sample_rate)
    out = np.zeros(n_samples)
    per_beat = 60 / grid.bpm * sample_rate
    release = round(0.05 * sample_rate)
    for note in notes:
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        length = min(n_samples, round(note.duration * per_beat) + release)
        seconds = np.arange(length) / sample_rate
        tone = sum(
            np.sin(2 * np.pi * k * hz * seconds) / k**1.5
            for k in range(1, _N_HARMONICS + 1)
            if k * hz < sample_rate / 2
        )
        envelope = np.exp(-seconds / _DECAY_SECONDS) * np.minimum(1, seconds / _ATTACK_SECONDS)
        envelope[-release:] *= np.linspace(1, 0, min(release, length))[-length:]
        place = (round(note.start * per_beat) + np.arange(length)) % n_samples
        np.add.at(out, place, note.velocity / 127 * envelope * tone)
    peak = np.abs(out).max()
    return torch.from_numpy((0.5 / peak * out if peak else out).astype(np.float32))[None]
