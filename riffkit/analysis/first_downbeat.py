"""The downbeat as version 0.1.0 found it, for recipes of that version (riffkit/music/source.py)."""

from __future__ import annotations

import numpy as np
import scipy.signal
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.onsets import hop_samples, onset_curve

_PHASES = 96
_BASS_HZ = 150.0


def first_downbeat(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    bpm: float,
    beats_per_bar: int = 4,
) -> float:
    """Seconds from the start to the first downbeat, at least 0 and less than one bar.

    Beats fall where the onset curve, summed over all of them, is highest; of the beats of a bar
    the first is where the bass (below 150 Hz) sets in most strongly. The tempo is taken to be
    steady.
    """
    rate = sample_rate / hop_samples(sample_rate)
    period = 60 / bpm * rate
    onsets = onset_curve(waveform, sample_rate)
    phases = np.arange(_PHASES) * period / _PHASES
    beat = phases[int(np.argmax([_mean_at(onsets, phase, period) for phase in phases]))]
    bass = onset_curve(_low_passed(waveform, sample_rate), sample_rate)
    bar = beats_per_bar * period
    strengths = [_mean_at(bass, beat + k * period, bar) for k in range(beats_per_bar)]
    downbeat = beat + int(np.argmax(strengths)) * period
    return float(downbeat % bar / rate)


def _mean_at(curve: Float[np.ndarray, " frame"], phase: float, period: float) -> float:
    """The curve's mean at the beats, each with the frames beside it."""
    places = np.arange(phase, len(curve), period)
    if not len(places):
        return 0.0
    near = places[:, None] + np.array([-1.0, 0.0, 1.0])
    return float(np.interp(near, np.arange(len(curve)), curve).max(1).mean())


def _low_passed(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "1 sample"]:
    sections = scipy.signal.butter(4, _BASS_HZ, fs=sample_rate, output="sos")
    low = scipy.signal.sosfilt(sections, waveform.mean(0).double().numpy())
    return torch.from_numpy(np.ascontiguousarray(low, np.float32))[None]
