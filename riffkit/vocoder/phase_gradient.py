"""Phase from magnitude alone: phase-gradient heap integration (PGHI).

Průša, Balazs and Søndergaard, "A noniterative method for reconstruction of phase from STFT
magnitude", 2017. For a Gaussian window the phase's gradient follows from the log magnitude's
(eqs. 15 and 16); a Hann window is close to a Gaussian of γ = 0.25645 · size². The gradient is
integrated outwards from each peak, loudest points first, so that errors stay where it is quiet.
Where a window is but a few columns long, its flanks are not a Gaussian's: there the place of the
energy in time, which is the phase's change along frequency, is read from the Hann window itself.
The heap is a bucket queue: levels are rounded to 0.6 dB. Time is circular. Four bands of frequency
are integrated each for itself, so that several threads can work; it costs 0.005 of an image level.

Arrays are made here and filled by the compiled loops, which compile sooner without.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32

from riffkit.compiled import compiled
from riffkit.spectrogram.stft import Analysis

HANN_GAMMA = 0.25645
FEW_COLUMNS = 6.0  # windows shorter than that are taken as Hann windows
ONE_SIDED = np.float32(0.3)  # a flank so far below the middle may be cut off by the window
STEEPEST = np.float32(3)
TOLERANCE = 1e-4  # points below this part of the maximum get random phase
N_BANDS = 4
N_BUCKETS = 128
BUCKETS_PER_NEPER = np.float32(N_BUCKETS / -math.log(TOLERANCE))
EMPTY, UNTOUCHED = -1, -2

Points = Float32[np.ndarray, "frame bin"]


def phase_from_magnitude(
    magnitude: Float32[np.ndarray, "frame bin"],
    analysis: Analysis,
    *,
    seed: int,
    pool: Executor,
    known: Float32[np.ndarray, "frame bin"] | None = None,
) -> Float32[np.ndarray, "frame bin"]:
    """Phases in radians at the frames' centers, for circular frames.

    `known` has the given phases, and NaN elsewhere.
    """
    phase = np.zeros(magnitude.shape, np.float32)
    is_known = np.zeros((0, magnitude.shape[1]), np.bool_)
    if known is not None:
        is_known = np.isfinite(known)
        np.copyto(phase, known, where=is_known)
    loudest = magnitude.max()
    if not loudest > 0:
        return phase
    level = np.empty_like(magnitude)
    place = np.empty(magnitude.shape, np.int32)
    carrier, step, hann = phase_carrier(analysis), phase_step(analysis), hann_flanks(analysis)

    def find_level(first: int, last: int) -> None:
        part = level[first:last]
        np.multiply(magnitude[first:last], 1 / loudest, out=part)
        np.log(np.maximum(part, np.float32(0.1 * TOLERANCE), out=part), out=part)
        np.minimum(part, 0, out=part)

    def fill_band(first: int, last: int) -> None:
        band = first, last
        start = np.zeros(N_BUCKETS + 2, np.int32)
        _find_buckets(level, band, place, start)
        peaks = np.empty(start[N_BUCKETS], np.int32)
        _sort_peaks(level, band, place, start, peaks)
        top = np.full(N_BUCKETS, EMPTY, np.int32)
        _spread_all(level, band, carrier, step, hann, peaks, top, place, is_known, phase)

    for work, size in ((find_level, level.shape[0]), (fill_band, level.shape[1])):
        edges = [size * k // N_BANDS for k in range(N_BANDS + 1)]
        list(pool.map(work, edges[:-1], edges[1:]))
    is_quiet = place == UNTOUCHED - N_BUCKETS
    is_quiet[: len(is_known)][is_known] = False
    quiet = np.random.default_rng(seed).random(np.count_nonzero(is_quiet), np.float32)
    phase[is_quiet] = np.float32(2 * np.pi) * quiet
    return phase


def phase_carrier(analysis: Analysis) -> Float32[np.ndarray, " bin"]:
    """The phase advance of each bin's center frequency per hop."""
    turns = analysis.hop_samples * np.arange(analysis.n_bins) % analysis.n_fft
    return (2 * np.pi / analysis.n_fft * turns).astype(np.float32)


def phase_step(analysis: Analysis) -> np.float32:
    gamma = HANN_GAMMA * analysis.window_samples**2
    return np.float32(analysis.hop_samples * analysis.n_fft / gamma)


class HannFlanks(NamedTuple):
    """φ = πh/w of columns h apart in a window w: its sine and cosine; w as a part of the transform.

    The sine is 0 where the window is long enough to be taken as a Gaussian.
    """

    sine: np.float32
    cosine: np.float32
    length: np.float32


def hann_flanks(analysis: Analysis) -> HannFlanks:
    columns = analysis.window_samples / analysis.hop_samples
    turn = math.pi / columns if columns < FEW_COLUMNS else 0.0
    length = analysis.window_samples / analysis.n_fft
    return HannFlanks(*(np.float32(x) for x in (math.sin(turn), math.cos(turn), length)))


@compiled
def _change_in_time(
    level: Points, k: int, b: int, carrier: Float32[np.ndarray, " bin"], step: np.float32
) -> np.float32:
    """Eq. 16: the phase's change to the next frame. At 0 Hz and Nyquist the level is mirrored."""
    if b == 0 or b == level.shape[1] - 1:
        return carrier[b]
    return carrier[b] + np.float32(0.5) * step * (level[k, b + 1] - level[k, b - 1])


@compiled
def _change_in_frequency(
    level: Points, k: int, b: int, step: np.float32, hann: HannFlanks
) -> np.float32:
    """Eq. 15: the phase's change to the next bin."""
    n_frames, n_bins = level.shape
    if b == 0 or b == n_bins - 1:
        return np.float32(0)
    before = k - 1 if k > 0 else n_frames - 1
    after = k + 1 if k < n_frames - 1 else 0
    if hann.sine > 0:
        return _hann_change(level[before, b], level[k, b], level[after, b], hann)
    return np.float32(-0.5) / step * (level[after, b] - level[before, b])


@compiled
def _hann_change(
    before: np.float32, here: np.float32, after: np.float32, hann: HannFlanks
) -> np.float32:
    """The same for a click in a Hann window, from log magnitudes of three columns.

    At an offset τ from the middle column the window is cos²(πτ/w). With φ = πh/w for columns h
    apart, √(after / here) = cos φ + tan(πτ/w) sin φ, and √(before / here) = cos φ - tan(πτ/w) sin φ
    where the window reaches it; so their difference gives τ, or the larger one alone where the
    other column lies beyond the window.
    """
    half = np.float32(0.5)
    left = math.exp(min(half * (before - here), STEEPEST))
    right = math.exp(min(half * (after - here), STEEPEST))
    tangent = half * (right - left) / hann.sine
    if right > left:
        alone, quiet = (right - hann.cosine) / hann.sine, left
    else:
        alone, quiet = (hann.cosine - left) / hann.sine, right
    if quiet < ONE_SIDED and abs(alone) > abs(tangent) and alone * tangent > 0:
        tangent += (alone - tangent) * (1 - quiet / ONE_SIDED)
    return np.float32(-2 * hann.length * math.atan(tangent))


@compiled
def _is_peak(level: Points, k: int, b: int, band: tuple[int, int]) -> bool:
    """Whether no neighbor in the band is louder: such points can be reached from no other."""
    n_frames = level.shape[0]
    here = level[k, b]
    before = k - 1 if k > 0 else n_frames - 1
    after = k + 1 if k < n_frames - 1 else 0
    if level[before, b] > here or level[after, b] > here:
        return False
    if b > band[0] and level[k, b - 1] > here:
        return False
    return b == band[1] - 1 or level[k, b + 1] <= here


@compiled
def _find_buckets(
    level: Points,
    band: tuple[int, int],
    place: Int32[np.ndarray, "frame bin"],
    start: Int32[np.ndarray, " bucket"],
) -> None:
    """Each point's bucket into `place`, as UNTOUCHED - bucket; where each bucket's peaks start."""
    for k in range(level.shape[0]):
        for b in range(band[0], band[1]):
            bucket = min(int(-level[k, b] * BUCKETS_PER_NEPER), N_BUCKETS)
            place[k, b] = UNTOUCHED - bucket
            if bucket < N_BUCKETS and _is_peak(level, k, b, band):
                start[bucket + 1] += 1
    for k in range(N_BUCKETS):
        start[k + 1] += start[k]


@compiled
def _sort_peaks(
    level: Points,
    band: tuple[int, int],
    place: Int32[np.ndarray, "frame bin"],
    start: Int32[np.ndarray, " bucket"],
    peaks: Int32[np.ndarray, " peak"],
) -> None:
    """The peaks from the loudest on, as frame · bins + bin."""
    n_bins = level.shape[1]
    for k in range(level.shape[0]):
        for b in range(band[0], band[1]):
            bucket = UNTOUCHED - place[k, b]
            if bucket < N_BUCKETS and _is_peak(level, k, b, band):
                peaks[start[bucket]] = k * n_bins + b
                start[bucket] += 1


@compiled
def _spread_all(
    level: Points,
    band: tuple[int, int],
    carrier: Float32[np.ndarray, " bin"],
    step: np.float32,
    hann: HannFlanks,
    peaks: Int32[np.ndarray, " peak"],
    top: Int32[np.ndarray, " bucket"],
    place: Int32[np.ndarray, "frame bin"],
    is_known: Bool[np.ndarray, "known_frame bin"],
    phase: Points,
) -> None:
    """First from all that is known, then from each peak that was not reached; to the end.

    The queue's loudest point gives its neighbors a phase and a place. Each bucket is a stack:
    its `top`, and in a point's `place` what lies below it.
    """
    n_frames, n_bins = level.shape
    for k in range(is_known.shape[0]):
        for b in range(band[0], band[1]):
            bucket = UNTOUCHED - place[k, b]
            if is_known[k, b] and bucket < N_BUCKETS:
                place[k, b] = top[bucket]
                top[bucket] = k * n_bins + b
    bucket = 0
    next_peak = 0
    while True:
        if bucket == N_BUCKETS:
            while next_peak < peaks.shape[0]:
                point = peaks[next_peak]
                k, b = point // n_bins, point % n_bins
                if place[k, b] < EMPTY:
                    break
                next_peak += 1
            if next_peak == peaks.shape[0]:
                return  # only the quiet is left
            bucket = UNTOUCHED - place[k, b]
            phase[k, b] = 0
            place[k, b] = EMPTY
        else:
            point = top[bucket]
            if point == EMPTY:
                bucket += 1
                continue
            k = point // n_bins
            b = point - k * n_bins
            top[bucket] = place[k, b]
        for side in range(4):
            sign = 1 - 2 * (side % 2)
            beside, across = k, b
            if side < 2:
                beside = k + sign
                if beside == n_frames:
                    beside = 0
                elif beside < 0:
                    beside = n_frames - 1
            else:
                across = b + sign
                if across < band[0] or across >= band[1]:
                    continue
            target = UNTOUCHED - place[beside, across]
            if target < 0 or target >= N_BUCKETS:
                continue
            if side < 2:
                here = _change_in_time(level, k, b, carrier, step)
                there = _change_in_time(level, beside, across, carrier, step)
            else:
                here = _change_in_frequency(level, k, b, step, hann)
                there = _change_in_frequency(level, beside, across, step, hann)
            change = np.float32(0.5) * (here + there)
            phase[beside, across] = phase[k, b] + np.float32(sign) * change
            place[beside, across] = top[target]
            top[target] = beside * n_bins + across
            bucket = min(bucket, target)
