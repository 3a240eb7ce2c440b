"""A look-ahead limiter: it turns the sound down shortly before a peak and softly up again."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.resampling import resample

LOOK_AHEAD_MS = 5.0
HOLD_MS = 15.0
"""Half the period of the lowest note (33 Hz): its gain is even, so that it isn't bent."""
RELEASE_DB_PER_SECOND = 40.0

_OVERSAMPLING = 4
_FILTER_SAMPLES = 256
"""Longer than the resampler's memory: what lies further away doesn't matter."""
_BLOCK_SAMPLES = 2**20


def true_peaks(
    waveform: Float[Tensor, "channel sample"], *, circular: bool = False
) -> Float[np.ndarray, " sample"]:
    """The highest level of any channel around each sample, oversampled four times.

    The analog signal can rise above the samples (ITU-R BS.1770-5, annex 2). `circular`: the
    waveform is one period of a loop.
    """
    n_samples = waveform.shape[-1]
    samples = waveform.detach().to("cpu", torch.float32).numpy()
    margins = ((0, 0), (_FILTER_SAMPLES, _FILTER_SAMPLES))
    padded = np.pad(samples, margins, mode="wrap" if circular else "constant")
    blocks = [
        _block_peaks(padded[:, start : start + _BLOCK_SAMPLES + 2 * _FILTER_SAMPLES])
        for start in range(0, n_samples, _BLOCK_SAMPLES)
    ]
    # The samples too: the resampler takes away what is loud close to half the rate.
    return np.asarray(np.maximum(np.concatenate(blocks), np.abs(samples).max(0)))


def _block_peaks(padded: Float[np.ndarray, "channel padded"]) -> Float[np.ndarray, " sample"]:
    """The peaks of a block that comes with `_FILTER_SAMPLES` of its neighbors at each end."""
    fine = resample(torch.from_numpy(padded), 1, _OVERSAMPLING).abs().amax(0).numpy()
    # Each sample answers for the points up to its neighbors.
    widest = scipy.ndimage.maximum_filter1d(fine, 2 * _OVERSAMPLING - 1, mode="constant")
    return np.asarray(widest[::_OVERSAMPLING][_FILTER_SAMPLES:-_FILTER_SAMPLES])


def limiter_gain(
    peaks: Float[np.ndarray, " sample"], sample_rate: int, *, ceiling: float, circular: bool = False
) -> Float[np.ndarray, " sample"]:
    """The gain, at most 1, that keeps `peaks` under `ceiling` (an amplitude).

    The gain asked for at a peak is spread over the look-ahead window before and after it, held
    and given back at a steady rate in dB, and smoothed by a window no wider than the spread:
    a mean over values that all suffice for the peak suffices too. For a loop the gain runs
    round: the end knows of the peak at the start, and the start of the one at the end.
    """
    wanted = ceiling / np.maximum(peaks, ceiling)
    half = round(LOOK_AHEAD_MS / 1000 * sample_rate / 2)
    hold = round(HOLD_MS / 1000 * sample_rate)
    mode = "wrap" if circular else "nearest"
    # The least of the samples from `half + hold` before to `half` after, in scipy's terms.
    spread = scipy.ndimage.minimum_filter1d(
        wanted, 2 * half + hold + 1, mode=mode, origin=hold // 2
    )
    released = _release(spread, sample_rate, circular=circular)
    window = np.hanning(2 * half + 3)[1:-1]
    gain: np.ndarray = scipy.ndimage.convolve1d(released, window / window.sum(), mode=mode)
    return gain


def _release(
    gain: Float[np.ndarray, " sample"], sample_rate: int, *, circular: bool
) -> Float[np.ndarray, " sample"]:
    """The gain that never rises faster than the release rate.

    In dB: released[n] = min over k ≤ n of gain[k] + slope · (n - k). A loop needs one turn
    before, no more: what lay two turns back has risen further.
    """
    decibels = 20 * np.log10(np.tile(gain, 2) if circular else gain)
    ramp = RELEASE_DB_PER_SECOND / sample_rate * np.arange(len(decibels))
    released = np.minimum.accumulate(decibels - ramp) + ramp
    return np.asarray(10 ** (released[-len(gain) :] / 20))
