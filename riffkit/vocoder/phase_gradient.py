"""Phase from magnitude alone: phase-gradient heap integration (PGHI).

Průša, Balazs and Søndergaard, "A noniterative method for reconstruction of phase from STFT
magnitude", 2017. For a Gaussian window the phase's gradient follows from the log magnitude's
(eqs. 15 and 16); a Hann window is close to a Gaussian of γ = 0.25645 · size². The gradient is
integrated outwards from each peak, loudest points first, so that errors stay where it is quiet.
The heap is a bucket queue: levels are rounded to 0.6 dB. Time is circular.
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
EMPTY, UNTOUCHED = -1, -2


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
    phase = np.random.default_rng(seed).random(magnitude.shape, np.float32)
    phase *= np.float32(2 * np.pi)
    is_known = np.zeros(len(magnitude), np.bool_)
    if known is not None:
        is_known = np.isfinite(known[:, 0])
        phase[is_known] = known[is_known]
    loudest = float(magnitude.max())
    if loudest > 0:
        level = np.log(np.maximum(magnitude, np.float32(0.1 * TOLERANCE * loudest)))
        gamma = HANN_GAMMA * analysis.window_samples**2
        step = analysis.hop_samples * analysis.n_fft / gamma
        turns = analysis.hop_samples * np.arange(analysis.n_bins) % analysis.n_fft
        carrier = (2 * np.pi / analysis.n_fft * turns).astype(np.float32)
        integrate_gradient(level, carrier, np.float32(step), is_known, phase)
    return phase


@compiled
def integrate_gradient(
    level: Float32[np.ndarray, "frame bin"],
    carrier: Float32[np.ndarray, " bin"],
    step: np.float32,
    is_known: Bool[np.ndarray, " frame"],
    phase: Float32[np.ndarray, "frame bin"],
) -> None:
    """Overwrite `phase` wherever the natural-log `level` is within TOLERANCE of its maximum.

    `carrier`: the phase that a bin's centre frequency gains in a hop; `step`: hop · n_fft / γ.
    Where `is_known`, phases are kept and integrated from.
    """
    n_bins = level.shape[1]
    slope = _slopes(level, carrier, step)
    below, peaks = _sort_by_level(level)
    top = np.full(N_BUCKETS, EMPTY, np.int32)
    point_phase = phase.reshape(level.size)
    for point in peaks:
        if is_known[point // n_bins]:
            bucket = UNTOUCHED - below[point]
            below[point], top[bucket] = top[bucket], point
    _spread(0, top, below, slope, n_bins, point_phase)
    for peak in peaks:
        if below[peak] < EMPTY:
            bucket = UNTOUCHED - below[peak]
            below[peak], top[bucket] = EMPTY, peak
            point_phase[peak] = 0
            _spread(bucket, top, below, slope, n_bins, point_phase)


@compiled
def _spread(
    bucket: int,
    top: Int32[np.ndarray, " bucket"],
    below: Int32[np.ndarray, " point"],
    slope: Float32[np.ndarray, "point direction"],
    n_bins: int,
    phase: Float32[np.ndarray, " point"],
) -> None:
    """Take the loudest point of the queue, give its neighbours a phase and a place; to the end.

    Each bucket is a stack: its `top`, and what lies `below` each point. No bucket above the given
    one is filled.
    """
    n_points = below.shape[0]
    while bucket < N_BUCKETS:
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
                neighbour = point + sign * n_bins
                if neighbour >= n_points:
                    neighbour -= n_points
                elif neighbour < 0:
                    neighbour += n_points
            else:
                if not 0 <= b + sign < n_bins:
                    continue
                neighbour = point + sign
            place = UNTOUCHED - below[neighbour]
            if 0 <= place < N_BUCKETS:
                mean_slope = np.float32(0.5) * (slope[point, along] + slope[neighbour, along])
                phase[neighbour] = phase[point] + np.float32(sign) * mean_slope
                below[neighbour], top[place] = top[place], neighbour
                bucket = min(bucket, place)


@compiled
def _slopes(
    level: Float32[np.ndarray, "frame bin"], carrier: Float32[np.ndarray, " bin"], step: np.float32
) -> Float32[np.ndarray, "point direction"]:
    """The phase's change to the next frame and to the next bin (eqs. 15 and 16)."""
    n_frames, n_bins = level.shape
    slope = np.zeros((n_frames, n_bins, 2), np.float32)
    along_frequency, along_time = np.float32(0.5) * step, np.float32(-0.5) / step
    for k in range(n_frames):
        here, before, after = level[k], level[k - 1], level[(k + 1) % n_frames]
        for b in range(1, n_bins - 1):
            slope[k, b, 0] = carrier[b] + along_frequency * (here[b + 1] - here[b - 1])
            slope[k, b, 1] = along_time * (after[b] - before[b])
        slope[k, n_bins - 1, 0] = carrier[n_bins - 1]  # level at 0 and at Nyquist: mirrored there
    return slope.reshape(level.size, 2)


@compiled
def _sort_by_level(
    level: Float32[np.ndarray, "frame bin"],
) -> tuple[Int32[np.ndarray, " point"], Int32[np.ndarray, " loud_point"]]:
    """Each point's bucket, as UNTOUCHED - bucket, and the points louder than TOLERANCE in order."""
    flat = level.reshape(level.size)
    loudest = flat.max()
    scale = np.float32(N_BUCKETS / -math.log(TOLERANCE))
    code = np.empty(level.size, np.int32)
    start = np.zeros(N_BUCKETS + 2, np.int32)
    for point in range(level.size):
        bucket = np.int32(min((loudest - flat[point]) * scale, np.float32(N_BUCKETS)))
        code[point] = UNTOUCHED - bucket
        start[bucket + 1] += 1
    for k in range(N_BUCKETS):
        start[k + 1] += start[k]
    peaks = np.empty(start[N_BUCKETS], np.int32)
    for point in range(level.size):
        bucket = UNTOUCHED - code[point]
        if bucket < N_BUCKETS:
            peaks[start[bucket]] = point
            start[bucket] += 1
    return code, peaks
