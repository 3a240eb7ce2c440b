"""The step that makes a spectrum agree with the mel image: scale it, and leave its phase.

Each point of a spectrum is multiplied by target / measured of the mel rows around it (a step of
Lee and Seung's multiplicative update, 2001). Two things make the steps go further: ratios are
sharpened against their neighbours', because rows overlap and a gain leaks into the next row, and
the spectrum is first pushed on along its last change (Perraudin, Balazs and Søndergaard, 2013).

The loops take four frames at a time, and keep real and imaginary parts apart: that is what the
compiler turns into vector instructions. Spectra inside are [part, PAD + bin + PAD].
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex64, Float32

from riffkit.vocoder.compiled import compiled
from riffkit.vocoder.mel_bank import MelBank

LANES = 4
PAD = 3  # half of the six taps that find a half bin
TINY = np.float32(1e-12)

Spectrum = Complex64[np.ndarray, " bin"]
Parts = Float32[np.ndarray, "part padded_bin"]
FourParts = Float32[np.ndarray, "lane part padded_bin"]
FourRows = Float32[np.ndarray, "lane mel"]


@compiled
def enforce_mel(
    spectra: Complex64[np.ndarray, "channel frame bin"],
    previous: Complex64[np.ndarray, "channel frame bin"],
    momentum: np.float32,
    target: Float32[np.ndarray, "plane frame mel"],
    bank: MelBank,
    limit: np.float32,
    sharpen: bool,
) -> None:
    """Scale `spectra` in place towards `target`, and keep what they were in `previous`.

    Ratios are held between 1 / limit and limit. With one plane more than channels, that plane is
    the mel of (left + right) / 2 and is enforced after the channels' own.
    """
    n_channels, n_frames, n_bins = spectra.shape
    size = n_bins + 2 * PAD
    whole = np.zeros((3, LANES, 2, size), np.float32)
    half = np.zeros((3, LANES, 2, size), np.float32)
    points = np.zeros((LANES, 2 * n_bins), np.float32)
    rows = np.zeros((LANES, target.shape[2]), np.float32)
    for first in range(0, n_frames, LANES):
        last = min(first + LANES, n_frames)
        for c in range(n_channels):
            for k in range(first, last):
                _load(spectra[c, k], previous[c, k], momentum, whole[c, k - first])
                _find_half_bins(whole[c, k - first], half[c, k - first], bank.taps)
            _scale(whole[c], half[c], target[c, first:last], bank, limit, sharpen, points, rows)
        if target.shape[0] > n_channels:
            for lane in range(last - first):
                _split_mid(whole[0, lane], whole[1, lane], whole[2, lane])
                _split_mid(half[0, lane], half[1, lane], half[2, lane])
            _scale(whole[2], half[2], target[2, first:last], bank, limit, sharpen, points, rows)
            for lane in range(last - first):
                _join_mid(whole[0, lane], whole[1, lane], whole[2, lane])
                _join_mid(half[0, lane], half[1, lane], half[2, lane])
        for c in range(n_channels):
            for k in range(first, last):
                _store(whole[c, k - first], half[c, k - first], bank.taps, spectra[c, k])


@compiled
def _split_mid(left: Parts, right: Parts, mid: Parts) -> None:
    """Fill `mid` with the mean, and leave in left and right what they differ from it."""
    for part in range(2):
        for b in range(mid.shape[1]):
            mean = np.float32(0.5) * (left[part, b] + right[part, b])
            mid[part, b] = mean
            left[part, b] -= mean
            right[part, b] -= mean


@compiled
def _join_mid(left: Parts, right: Parts, mid: Parts) -> None:
    for part in range(2):
        for b in range(mid.shape[1]):
            left[part, b] += mid[part, b]
            right[part, b] += mid[part, b]


@compiled
def _load(spectrum: Spectrum, previous: Spectrum, momentum: np.float32, whole: Parts) -> None:
    """The spectrum pushed on by `momentum`, with the phase that it has at the frame's centre."""
    n_bins = spectrum.shape[0]
    sign = np.float32(1)
    for b in range(n_bins):
        now, before = spectrum[b], previous[b]
        previous[b] = now
        whole[0, PAD + b] = sign * (now.real + momentum * (now.real - before.real))
        whole[1, PAD + b] = sign * (now.imag + momentum * (now.imag - before.imag))
        sign = -sign
    last = PAD + n_bins - 1
    for k in range(1, PAD + 1):  # the spectrum of a real signal is mirrored at both ends
        whole[0, PAD - k] = whole[0, PAD + k]
        whole[1, PAD - k] = -whole[1, PAD + k]
        whole[0, last + k] = whole[0, last - k]
        whole[1, last + k] = -whole[1, last - k]


@compiled
def _find_half_bins(whole: Parts, half: Parts, taps: Float32[np.ndarray, " tap"]) -> None:
    """half[PAD + b] lies between the bins b and b + 1."""
    t0, t1, t2 = taps[0], taps[1], taps[2]
    for part in range(2):
        bins, between = whole[part], half[part]
        for b in range(bins.shape[0] - 2 * PAD):
            between[b + 3] = (
                t0 * (bins[b + 1] + bins[b + 6])
                + t1 * (bins[b + 2] + bins[b + 5])
                + t2 * (bins[b + 3] + bins[b + 4])
            )


@compiled
def _scale(
    whole: FourParts,
    half: FourParts,
    target: FourRows,
    bank: MelBank,
    limit: np.float32,
    sharpen: bool,
    points: Float32[np.ndarray, "lane point"],
    rows: FourRows,
) -> None:
    for lane in range(target.shape[0]):
        _find_magnitudes(whole[lane], half[lane], points[lane])
    _sum_rows(points, bank, rows)
    for lane in range(target.shape[0]):
        _find_gains(target[lane], rows[lane], limit, sharpen, points[lane], bank)
        _apply_gains(points[lane], whole[lane], half[lane])


@compiled
def _find_magnitudes(whole: Parts, half: Parts, points: Float32[np.ndarray, " point"]) -> None:
    real, imag, half_real, half_imag = whole[0], whole[1], half[0], half[1]
    for b in range(real.shape[0] - 2 * PAD):
        i = b + PAD
        points[2 * b] = math.sqrt(real[i] * real[i] + imag[i] * imag[i])
        points[2 * b + 1] = math.sqrt(half_real[i] * half_real[i] + half_imag[i] * half_imag[i])


@compiled
def _sum_rows(points: Float32[np.ndarray, "lane point"], bank: MelBank, rows: FourRows) -> None:
    """The four lanes' mel rows; four sums side by side cost little more than one."""
    p0, p1, p2, p3 = points[0], points[1], points[2], points[3]
    for row in range(rows.shape[1]):
        begin, end = bank.begin[row], bank.begin[row + 1]
        shift = bank.first_point[row] - begin
        s0 = s1 = s2 = s3 = np.float32(0)
        for k in range(begin, end):
            w, p = bank.weight[k], shift + k
            s0 += w * p0[p]
            s1 += w * p1[p]
            s2 += w * p2[p]
            s3 += w * p3[p]
        rows[0, row], rows[1, row], rows[2, row], rows[3, row] = s0, s1, s2, s3


@compiled
def _find_gains(
    target: Float32[np.ndarray, " mel"],
    rows: Float32[np.ndarray, " mel"],
    limit: np.float32,
    sharpen: bool,
    gains: Float32[np.ndarray, " point"],
    bank: MelBank,
) -> None:
    """Gains of the points from the rows' ratios r_j: r_j^1.75 / (r_{j-1} r_{j+1})^0.25."""
    n_mels = rows.shape[0]
    ratio = np.empty(n_mels + 2, np.float32)
    lowest = np.float32(1) / limit
    for j in range(n_mels):
        ratio[j + 1] = min(max(target[j] / max(rows[j], TINY), lowest), limit)
    ratio[0], ratio[n_mels + 1] = ratio[1], ratio[n_mels]
    for j in range(n_mels):
        r = ratio[j + 1]
        if sharpen:
            r = min(r * math.sqrt(r * math.sqrt(r / (ratio[j] * ratio[j + 2]))), limit)
        rows[j] = r if target[j] > 0 else np.float32(0)
    for p in range(bank.row_below.shape[0]):
        j = bank.row_below[p]
        gains[p] = bank.part_below[p] * rows[j] + bank.part_above[p] * rows[j + 1]


@compiled
def _apply_gains(gains: Float32[np.ndarray, " point"], whole: Parts, half: Parts) -> None:
    for part in range(2):
        bins, between = whole[part], half[part]
        for b in range(bins.shape[0] - 2 * PAD):
            bins[b + 3] *= gains[2 * b]
            between[b + 3] *= gains[2 * b + 1]


@compiled
def _store(
    whole: Parts, half: Parts, taps: Float32[np.ndarray, " tap"], spectrum: Spectrum
) -> None:
    """Bins and half bins back to bins: the transpose of `_find_half_bins`, averaged with them."""
    n_bins = spectrum.shape[0]
    last = PAD + n_bins - 2  # the last half bin below the Nyquist frequency
    for k in range(PAD):
        half[0, PAD - 1 - k] = half[0, PAD + k]
        half[1, PAD - 1 - k] = -half[1, PAD + k]
        half[0, last + 1 + k] = half[0, last - k]
        half[1, last + 1 + k] = -half[1, last - k]
    t0, t1, t2 = taps[0], taps[1], taps[2]
    for part in range(2):
        bins, between = whole[part], half[part]
        for b in range(n_bins):
            bins[b + 3] += (
                t0 * (between[b] + between[b + 5])
                + t1 * (between[b + 1] + between[b + 4])
                + t2 * (between[b + 2] + between[b + 3])
            )
    sign = np.float32(0.5)
    for b in range(n_bins):
        spectrum[b] = complex(sign * whole[0, PAD + b], sign * whole[1, PAD + b])
        sign = -sign
