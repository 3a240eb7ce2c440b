"""The tempo of a clip, in beats per minute."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.onsets import hop_samples, onset_curve

MIN_BPM, MAX_BPM = 40.0, 240.0
USUAL_BPM = 115.0
"""Of a tempo, its half and its double, the one nearest to this is taken as the beat."""

_MIN_SECONDS = 16.0
_CANDIDATES_PER_OCTAVE = 240
_N_TEETH = 4
_LOOP_MARGIN_FRAMES = 5
_FAMILY_OCTAVES, _BEAT_OCTAVES = 0.9, 0.45
"""How far from `USUAL_BPM` a tempo may lie: widely at first, closely among its own octaves."""


@dataclass(frozen=True)
class Tempo:
    """Beats per minute; `confidence` is the clip's self-similarity some beats later, 0 to 1."""

    bpm: float
    confidence: float


def tempo(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> Tempo | None:
    """The tempo of a clip, from 40 to 240 beats per minute, or None if nothing repeats.

    A clip under 16 s is treated as a loop and repeated up to that length. The onset curve's
    autocorrelation is high at the beat and its multiples, its spectrum at the beat and its
    fractions: the product singles out the beat (Peeters, "Template-based estimation of
    time-varying tempo", 2007). Which of its octaves is the beat is a matter of taste, and
    left to `USUAL_BPM`.
    """
    n_turns = max(1, math.ceil(_MIN_SECONDS * sample_rate / waveform.shape[-1]))
    onsets = onset_curve(waveform.repeat(1, n_turns), sample_rate)
    if not onsets.any():
        return None
    rate = sample_rate / hop_samples(sample_rate)
    similarity = _autocorrelation(onsets)
    bpm = _candidates()
    comb = _comb(similarity, 60 * rate / bpm, _N_TEETH)
    salience = comb * np.sqrt(_pulse_strength(onsets, rate, bpm))
    if not salience.any():
        return None
    family = bpm[np.argmax(salience * _nearness(bpm, _FAMILY_OCTAVES))]
    octaves = family * np.array([0.25, 0.5, 1, 2, 4])
    octave_comb = np.interp(octaves, bpm, comb, left=0, right=0)
    beat = float(octaves[np.argmax(octave_comb * _nearness(octaves, _BEAT_OCTAVES))])
    beat = _refine(similarity, rate, beat)
    return Tempo(beat, _confidence(similarity, 60 * rate / beat, len(onsets) / n_turns))


def _candidates() -> Float[np.ndarray, " candidate"]:
    """Tempi in equal steps of 0.3 %."""
    octaves = math.log2(MAX_BPM / MIN_BPM)
    return MIN_BPM * 2 ** np.linspace(0, octaves, round(octaves * _CANDIDATES_PER_OCTAVE))


def _nearness(
    bpm: Float[np.ndarray, " candidate"], width_octaves: float
) -> Float[np.ndarray, " candidate"]:
    return np.asarray(np.exp(-0.5 * (np.log2(bpm / USUAL_BPM) / width_octaves) ** 2))


def _autocorrelation(onsets: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " lag"]:
    """The curve's autocorrelation, 1 at lag 0; the last lags have no support."""
    n_frames = len(onsets)
    size = scipy.fft.next_fast_len(2 * n_frames, real=True)
    power = np.abs(scipy.fft.rfft(onsets, size)) ** 2
    n_lags = n_frames - n_frames // 8
    products = scipy.fft.irfft(power, size)[:n_lags]
    similarity = products / np.arange(n_frames, n_frames - n_lags, -1)
    return np.asarray(similarity / similarity[0])


def _comb(
    similarity: Float[np.ndarray, " lag"], period: Float[np.ndarray, " candidate"], n_teeth: int
) -> Float[np.ndarray, " candidate"]:
    """The mean likeness at the first multiples of a period in frames, 0 where negative."""
    lags = np.arange(len(similarity))
    teeth = [np.interp(k * period, lags, similarity, right=0) for k in range(1, n_teeth + 1)]
    return np.asarray(np.maximum(0, np.mean(teeth, axis=0)))


def _pulse_strength(
    onsets: Float[np.ndarray, " frame"], rate: float, bpm: Float[np.ndarray, " candidate"]
) -> Float[np.ndarray, " candidate"]:
    """The curve's spectrum at each tempo, the strongest 1."""
    size = scipy.fft.next_fast_len(8 * len(onsets), real=True)
    spectrum = np.abs(scipy.fft.rfft(onsets * np.hanning(len(onsets)), size))
    strength = np.interp(bpm / 60 * size / rate, np.arange(len(spectrum)), spectrum)
    return np.asarray(strength / strength.max())


def _refine(similarity: Float[np.ndarray, " lag"], rate: float, bpm: float) -> float:
    """The tempo within 2 % whose multiples fit best, as many of them as the clip holds."""
    near = bpm * np.linspace(0.98, 1.02, 401)
    period = 60 * rate / near
    n_teeth = max(1, min(32, int((len(similarity) - 1) / period.max())))
    return float(near[np.argmax(_comb(similarity, period, n_teeth))])


def _confidence(similarity: Float[np.ndarray, " lag"], period: float, n_loop: float) -> float:
    """The mean likeness some beats later, but for where a repeated loop is bound to be alike."""
    lags = period * np.arange(1, _N_TEETH + 1)
    turns = lags / n_loop
    is_bound = (np.abs(turns - np.round(turns)) * n_loop < _LOOP_MARGIN_FRAMES) & (turns > 0.5)
    if is_bound.all():
        return 0.0
    teeth = np.interp(lags[~is_bound], np.arange(len(similarity)), similarity, right=0)
    return float(np.clip(teeth.mean(), 0, 1))
