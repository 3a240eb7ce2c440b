"""Phase from magnitude alone: phase-gradient heap integration (PGHI).

Průša, Balazs and Søndergaard, "A noniterative method for reconstruction of phase from STFT
magnitude", 2017. For a Gaussian window the phase's gradient follows from the log magnitude's
(eqs. 15 and 16); a Hann window is close to a Gaussian of γ = 0.25645 · size². The gradient is
integrated outwards from each peak, loudest points first, so that errors stay where it is quiet.
The heap is a bucket queue: levels are rounded to 0.6 dB. Time is circular.

Arrays are made here and filled by the compiled loops, which compile sooner without.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float32, Int32

from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.compiled import compiled

HANN_GAMMA = 0.25645
TOLERANCE = 1e-4  # points below this part of the maximum get random phase
N_BUCKETS = 128
BUCKETS_PER_NEPER = np.float32(N_BUCKETS / -math.log(TOLERANCE))
EMPTY, UNTOUCHED = -1, -2

PointFloats = Float32[np.ndarray, " point"]
PointInts = Int32[np.ndarray, " point"]


def phase_from_magnitude(
    magnitude: Float32[np.ndarray, "frame bin"],
    analysis: Analysis,
    *,
    seed: int,
    known: Float32[np.ndarray, "frame bin"] | None = None,
) -> Float32[np.ndarray, "frame bin"]:
    """Phases in radians at the frames' centres, for frames that follow each other in a circle.

    `known` holds the phases that are given, and NaN in the frames where they aren't.
    """
    phase = np.zeros(magnitude.shape, np.float32)
    is_known = np.zeros(len(magnitude), np.bool_)
    if known is not None:
        is_known = np.isfinite(known[:, 0])
        phase[is_known] = known[is_known]
    loudest = magnitude.max()
    if loudest > 0:
        level = magnitude * (1 / loudest)
        np.log(np.maximum(level, np.float32(0.1 * TOLERANCE), out=level), out=level)
        slope = _phase_slopes(np.minimum(level, 0, out=level), analysis)
        is_quiet = _integrate(level.reshape(-1), slope.reshape(-1, 2), is_known, phase.reshape(-1))
        quiet = np.random.default_rng(seed).random(np.count_nonzero(is_quiet), np.float32)
        phase.reshape(-1)[is_quiet] = np.float32(2 * np.pi) * quiet
    return phase


def _phase_slopes(
    level: Float32[np.ndarray, "frame bin"], analysis: Analysis
) -> Float32[np.ndarray, "frame bin direction"]:
    """The phase's change to the next frame and to the next bin, from the natural-log level."""
    gamma = HANN_GAMMA * analysis.window_samples**2
    turns = analysis.hop_samples * np.arange(analysis.n_bins) % analysis.n_fft
    carrier = (2 * np.pi / analysis.n_fft * turns).astype(np.float32)
    slope = np.zeros((*level.shape, 2), np.float32)
    _fill_slopes(level, carrier, np.float32(analysis.hop_samples * analysis.n_fft / gamma), slope)
    return slope


@compiled
def _fill_slopes(
    level: Float32[np.ndarray, "frame bin"],
    carrier: Float32[np.ndarray, " bin"],
    step: np.float32,
    slope: Float32[np.ndarray, "frame bin direction"],
) -> None:
    """Eqs. 15 and 16. At 0 Hz and at Nyquist the level is mirrored: no change along frequency."""
    n_frames, n_bins = level.shape
    along_frequency, along_time = np.float32(0.5) * step, np.float32(-0.5) / step
    for k in range(n_frames):
        before, after = (k - 1) % n_frames, (k + 1) % n_frames
        for b in range(1, n_bins - 1):
            slope[k, b, 0] = carrier[b] + along_frequency * (level[k, b + 1] - level[k, b - 1])
            slope[k, b, 1] = along_time * (level[after, b] - level[before, b])
        slope[k, n_bins - 1, 0] = carrier[n_bins - 1]


def _integrate(
    level: PointFloats,
    slope: Float32[np.ndarray, "point direction"],
    is_known: Bool[np.ndarray, " frame"],
    phase: PointFloats,
) -> Bool[np.ndarray, " point"]:
    """Fill `phase` wherever it isn't known and the level is within TOLERANCE of its maximum, 0.

    The result says where it wasn't.
    """
    top = np.full(N_BUCKETS, EMPTY, np.int32)
    below = np.empty(len(level), np.int32)
    peaks = np.empty(len(level), np.int32)
    _sort_by_level(level, np.zeros(N_BUCKETS + 2, np.int32), below, peaks)
    _spread_all(peaks, top, below, slope, is_known, phase)
    quiet: Bool[np.ndarray, " point"] = below == UNTOUCHED - N_BUCKETS
    quiet &= np.repeat(~is_known, len(level) // len(is_known))
    return quiet


@compiled
def _sort_by_level(
    level: PointFloats, start: Int32[np.ndarray, " bucket"], below: PointInts, peaks: PointInts
) -> None:
    """Each point's bucket into `below`, as UNTOUCHED - bucket; the points in order into `peaks`."""
    for point in range(level.shape[0]):
        bucket = min(int(-level[point] * BUCKETS_PER_NEPER), N_BUCKETS)
        below[point] = UNTOUCHED - bucket
        start[bucket + 1] += 1
    for k in range(N_BUCKETS):
        start[k + 1] += start[k]
    for point in range(level.shape[0]):
        place = UNTOUCHED - below[point]
        peaks[start[place]] = point
        start[place] += 1


@compiled
def _spread_all(
    peaks: PointInts,
    top: Int32[np.ndarray, " bucket"],
    below: PointInts,
    slope: Float32[np.ndarray, "point direction"],
    is_known: Bool[np.ndarray, " frame"],
    phase: PointFloats,
) -> None:
    """First from all that is known, then from each peak that was not reached; to the end.

    The queue's loudest point gives its neighbours a phase and a place. Each bucket is a stack:
    its `top`, and what lies `below` each point.
    """
    n_points, n_bins = peaks.shape[0], peaks.shape[0] // is_known.shape[0]
    for k in range(n_points):
        point = peaks[k]
        bucket = UNTOUCHED - below[point]
        if is_known[point // n_bins] and bucket < N_BUCKETS:
            below[point] = top[bucket]
            top[bucket] = point
    bucket = 0
    next_peak = 0
    while True:
        if bucket == N_BUCKETS:
            while next_peak < n_points and below[peaks[next_peak]] >= EMPTY:
                next_peak += 1
            if next_peak == n_points:
                return
            point = peaks[next_peak]
            bucket = UNTOUCHED - below[point]
            if bucket == N_BUCKETS:
                return  # only the quiet is left
            phase[point] = 0
            below[point] = EMPTY
        else:
            point = top[bucket]
            if point == EMPTY:
                bucket += 1
                continue
            top[bucket] = below[point]
        b = point % n_bins
        for side in range(4):
            along = side // 2  # 0: to the frames before and after, 1: to the bins beside
            sign = 1 - 2 * (side % 2)
            if along == 0:
                neighbour = (point + sign * n_bins + n_points) % n_points
            elif 0 <= b + sign < n_bins:
                neighbour = point + sign
            else:
                continue
            place = UNTOUCHED - below[neighbour]
            if 0 <= place < N_BUCKETS:
                mean_slope = np.float32(0.5) * (slope[point, along] + slope[neighbour, along])
                phase[neighbour] = phase[point] + np.float32(sign) * mean_slope
                below[neighbour] = top[place]
                top[place] = neighbour
                bucket = min(bucket, place)
