"""Finds where the bars of a recording begin, following small changes of tempo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal
import torch
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.analysis.onsets import hop_samples, onset_curve
from riffkit.analysis.tempo import tempo
from riffkit.audio.resampling import resample
from riffkit.compiled import compiled

ANALYSIS_RATE = 22_050
"""Sample rate for analysis; the onset curve reaches up to 10 kHz."""
_BASS_RATE = 2_000
_BASS_HZ = 150.0
_TIGHTNESS = 400.0
"""The cost of a beat off the tempo, where an equally strong onset is worth 1: by its squared
logarithm (Ellis, "Beat tracking by dynamic programming", 2007, equation 5)."""
_LINE_BEATS = 16
"""A beat's time is read from the line fitted through this many beats on either side."""
_STEADY_SECONDS = 0.015
"""The tempo is steady if half of all beats are closer than this to one straight line."""


@dataclass(frozen=True, eq=False)
class BarGrid:
    """The beats of a stretch of sound, in seconds from its start, and the first downbeat.

    `bpm` is set if the tempo is constant; otherwise each clip has its own. `confidence` is that of
    the tempo, from 0 to 1, and 1 for a given tempo.
    """

    beat_seconds: Float[np.ndarray, " beat"]
    downbeat: int
    bpm: float | None
    confidence: float = 1.0

    @property
    def mean_bpm(self) -> float:
        """The best single tempo for all of it."""
        if self.bpm is not None:
            return self.bpm
        return 60 / _line(np.arange(len(self.beat_seconds), dtype=float), self.beat_seconds)[0]

    def bpm_of(self, first: int, n_beats: int) -> float:
        """The tempo of the beats `first` … `first + n_beats`."""
        if self.bpm is not None:
            return self.bpm
        seconds = self.beat_seconds[first + n_beats] - self.beat_seconds[first]
        return round(float(60 * n_beats / seconds), 3)


def to_analysis_rate(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, "1 analyzed"]:
    """Mono, at the rate that tempo, beats and key are measured at."""
    return resample(waveform.mean(0, keepdim=True), sample_rate, ANALYSIS_RATE)


def measure_bars(
    mono: Float[Tensor, "1 analyzed"], *, bpm: float | None, beats_per_bar: int
) -> BarGrid | None:
    """The bars of sound at `ANALYSIS_RATE`, or None if no tempo can be found.

    A given `bpm` replaces the measured tempo and is constant.
    """
    found = tempo(mono, ANALYSIS_RATE) if bpm is None else None
    period_bpm = bpm or (found.bpm if found else None)
    if period_bpm is None:
        return None
    rate = ANALYSIS_RATE / hop_samples(ANALYSIS_RATE)
    onsets = onset_curve(mono, ANALYSIS_RATE)
    if not onsets.any():
        return None
    frames = _track(onsets, 60 / period_bpm * rate)
    beats, steady = _straightened(frames / rate, None if bpm is None else 60 / bpm)
    beats = _to_both_ends(beats, mono.shape[-1] / ANALYSIS_RATE)
    downbeat = _downbeat(mono, beats, beats_per_bar)
    steady_bpm = bpm or (round(60 / steady, 3) if steady else None)
    return BarGrid(beats, downbeat, steady_bpm, found.confidence if found else 1.0)


def _track(onsets: Float[np.ndarray, " frame"], period: float) -> Int[np.ndarray, " beat"]:
    """The frames of the beats: as many strong onsets as can be had at about one period."""
    near = np.maximum(onsets, np.maximum(np.roll(onsets, 1), np.roll(onsets, -1)) * 0.5)
    strength = near / (near.std() or 1.0)
    lags = np.arange(max(1, round(0.75 * period)), round(1.33 * period) + 1)
    cost = _TIGHTNESS * np.log(lags / period) ** 2
    score, before = _best_chains(strength, lags, cost)
    last = len(score) - len(lags) - 1
    beat = max(0, last) + int(np.argmax(score[max(0, last) :]))
    beats = []
    while beat >= 0:
        beats.append(beat)
        beat = int(before[beat])
    return np.array(beats[::-1])


@compiled
def _best_chains(strength, lags, cost):  # type: ignore[no-untyped-def]
    """For each frame the best chain of beats that ends there, and the beat before it or -1."""
    score = strength.copy()
    before = np.full(len(strength), -1)
    for frame in range(lags[0], len(strength)):
        best, place = -1e30, -1
        for k in range(len(lags)):
            other = frame - lags[k]
            if other < 0:
                break
            value = score[other] - cost[k]
            if value > best:
                best, place = value, other
        if best > 0:
            score[frame] += best
            before[frame] = place
    return score, before


def _straightened(
    seconds: Float[np.ndarray, " beat"], fixed_period: float | None
) -> tuple[Float[np.ndarray, " beat"], float | None]:
    """The beats without the jitter of single ones, and the period where it is steady."""
    number = np.arange(len(seconds), dtype=float)
    if len(seconds) < 3:
        return seconds, fixed_period
    if fixed_period is None:
        slope, start = _line(number, seconds)
        line = start + slope * number
        if np.median(np.abs(seconds - line)) < _STEADY_SECONDS:
            return line, slope
    straight = np.empty(len(seconds))
    for beat in range(len(seconds)):
        here = slice(max(0, beat - _LINE_BEATS), beat + _LINE_BEATS + 1)
        if fixed_period is None:
            slope, start = _line(number[here], seconds[here])
            straight[beat] = start + slope * beat
        else:
            straight[beat] = np.median(seconds[here] + fixed_period * (beat - number[here]))
    return straight, fixed_period


def _line(
    number: Float[np.ndarray, " beat"], seconds: Float[np.ndarray, " beat"]
) -> tuple[float, float]:
    """Slope and start of the line through most beats: those far off the first fit don't count."""
    slope, start = np.polyfit(number, seconds, 1)
    off = np.abs(seconds - start - slope * number)
    near = off <= 2 * np.median(off) + 1e-9
    if near.sum() > 2:
        slope, start = np.polyfit(number[near], seconds[near], 1)
    return float(slope), float(start)


def _to_both_ends(
    beats: Float[np.ndarray, " beat"], total_seconds: float
) -> Float[np.ndarray, " any_beat"]:
    """The beats continued to before the first sound and behind the last."""
    if len(beats) < 2:
        return beats
    period = float(np.diff(beats[:2])[0]), float(np.diff(beats[-2:])[0])
    n_before = int(beats[0] / period[0] + 1e-6)
    n_after = int((total_seconds - beats[-1]) / period[1] + 1e-6)
    before = beats[0] - period[0] * np.arange(n_before, 0, -1)
    after = beats[-1] + period[1] * np.arange(1, n_after + 1)
    return np.concatenate([before, beats, after])


def _downbeat(
    mono: Float[Tensor, "1 analyzed"], beats: Float[np.ndarray, " beat"], beats_per_bar: int
) -> int:
    """The beat of the first bars on which the bass sets in most strongly."""
    low = resample(mono, ANALYSIS_RATE, _BASS_RATE)
    sections = scipy.signal.butter(4, _BASS_HZ, fs=_BASS_RATE, output="sos")
    bass = np.ascontiguousarray(scipy.signal.sosfilt(sections, low[0].numpy()), np.float32)
    curve = onset_curve(torch.from_numpy(bass)[None], _BASS_RATE)
    rate = _BASS_RATE / hop_samples(_BASS_RATE)
    near = beats[:, None] * rate + np.arange(-3.0, 4.0)
    strength = np.interp(near, np.arange(len(curve)), curve).max(1)
    means = [strength[k::beats_per_bar].mean() for k in range(min(beats_per_bar, len(beats)))]
    return int(np.argmax(means)) if means else 0
