"""Measuring loudness, and the gain that brings a clip to one.

A gain is a value, so that what belongs to a clip (its stems) can be given the same.
"""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.limiter import limiter_gain, true_peaks

TARGET_LUFS = -16.0
MAX_TRUE_PEAK_DBFS = -1.0
MAX_LIMITING_DB = 6.0
"""The most that a peak is turned down: more is heard as pumping. A clip whose peaks stand
higher stays quieter instead."""

_MIN_SECONDS = 0.4
_LOUDNESS_TOLERANCE_LU = 0.02
_PEAK_MARGIN_DB = 0.02
_MAX_ROUNDS = 8


def integrated_lufs(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> float:
    """The gated loudness (ITU-R BS.1770-4) in LUFS; -inf for silence.

    A clip shorter than the meter's block of 0.4 s is measured as if repeated.
    """
    samples = waveform.detach().cpu().double().numpy().T
    if not samples.any():
        return -math.inf
    n_min = math.ceil(_MIN_SECONDS * sample_rate)
    n_turns = math.ceil(n_min / len(samples))
    return float(pyloudnorm.Meter(sample_rate).integrated_loudness(np.tile(samples, (n_turns, 1))))


def true_peak_dbfs(waveform: Float[Tensor, "channel sample"], *, circular: bool = False) -> float:
    """The highest level between and at the samples in dB re full scale; -inf for silence."""
    return _decibels(float(true_peaks(waveform, circular=circular).max()))


def loudness_gain(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    target_lufs: float = TARGET_LUFS,
    max_true_peak_dbfs: float = MAX_TRUE_PEAK_DBFS,
    circular: bool = False,
) -> Float[Tensor, " sample"]:
    """The gain that brings a clip to `target_lufs`, its true peak at most at `max_true_peak_dbfs`.

    Higher peaks are turned down by a look-ahead limiter, by at most 6 dB; if that isn't enough, the
    clip stays below `target_lufs`. `circular`: the waveform is one period of a loop, and stays one.
    Silence (below -70 LUFS) stays as it is. Float32, on the CPU.

        louder = waveform * loudness_gain(waveform, 44_100)
    """
    loudness_lufs = integrated_lufs(waveform, sample_rate)
    if loudness_lufs == -math.inf:
        return torch.ones(waveform.shape[-1])
    waveform = waveform.detach().to("cpu", torch.float32)
    peaks = true_peaks(waveform, circular=circular)
    ceiling_db = max_true_peak_dbfs - _PEAK_MARGIN_DB
    max_gain_db = ceiling_db + MAX_LIMITING_DB - _decibels(float(peaks.max()))
    gain_db, missing_lu = 0.0, target_lufs - loudness_lufs
    for _ in range(_MAX_ROUNDS):
        gain_db = min(gain_db + missing_lu, max_gain_db)
        flat = _amplitude(gain_db)
        turned_down = limiter_gain(
            flat * peaks, sample_rate, ceiling=_amplitude(ceiling_db), circular=circular
        )
        gain = torch.from_numpy(flat * turned_down).float()
        louder = waveform * gain
        missing_lu = target_lufs - integrated_lufs(louder, sample_rate)
        if abs(missing_lu) < _LOUDNESS_TOLERANCE_LU or gain_db == max_gain_db:
            break
    excess_db = true_peak_dbfs(louder, circular=circular) - max_true_peak_dbfs
    return gain * _amplitude(-max(0.0, excess_db))


def peak_gain(
    waveform: Float[Tensor, "channel sample"],
    *,
    peak_dbfs: float = MAX_TRUE_PEAK_DBFS,
    circular: bool = False,
) -> float:
    """The one gain that brings a clip's true peak to `peak_dbfs`; 1 for silence.

    `circular`: the waveform is one period of a loop.
    """
    now_dbfs = true_peak_dbfs(waveform, circular=circular)
    return 1.0 if now_dbfs == -math.inf else _amplitude(peak_dbfs - now_dbfs)


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))
