"""The step that makes a spectrum match the mel image: scales it and keeps its phase.

Each point of a spectrum is multiplied by target / measured of the mel rows around it (a step of
Lee and Seung's multiplicative update, 2001). Two things make the steps go further: ratios are
sharpened against their neighbors', because rows overlap and a gain leaks into the next row, and
the spectrum is first pushed on along its last change (Perraudin, Balazs and Søndergaard, 2013).

The loops take four frames at a time, and keep real and imaginary parts apart: that is what the
compiler turns into vector instructions. A spectrum inside has four parts, [part, PAD + bin + PAD]:
the bins' real and imaginary part, and those of the half bins. Where there are several transforms
(mel_bank.py), theirs stand one after the other, each between its own PADs.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex64, Float32

from riffkit.compiled import compiled
from riffkit.vocoder.mel_bank import MelBank

LANES = 4
PARTS = 4
PAD = 3  # half of the six taps that find a half bin
TINY = np.float32(1e-12)
FROM_FLAT = np.float32(1e6)  # its square is still a float32
SMOOTH_LIMIT = np.float32(2)
SMOOTH_STEPS = 1  # from the mel's shape on, sharper and sharper

Spectra = Complex64[np.ndarray, "channel frame bin"]
Target = Float32[np.ndarray, "plane frame mel"]
Spectrum = Complex64[np.ndarray, " bin"]
Parts = Float32[np.ndarray, "part padded_bin"]
FourParts = Float32[np.ndarray, "lane part padded_bin"]
FourRows = Float32[np.ndarray, "lane mel"]
FourPoints = Float32[np.ndarray, "lane point"]


def enforce_mel(
    spectra: Spectra,
    previous: Spectra,
    target: Target,
    bank: MelBank,
    *,
    momentum: float,
    limit: float,
    sharpen: bool = True,
) -> None:
    """Scale `spectra` in place towards `target`, and store the old values in `previous`.

    Ratios are held between 1 / limit and limit. With one plane more than channels, that plane is
    the mel of (left + right) / 2 and is enforced after the channels' own.
    """
    n_planes, _, n_mels = target.shape
    n_bins = spectra.shape[2]
    n_transforms = len(bank.taps)
    parts = np.zeros((n_planes, LANES, PARTS, n_bins + 2 * PAD * n_transforms), np.float32)
    points = np.zeros((LANES, 2 * n_bins), np.float32)
    rows = np.zeros((LANES, n_mels), np.float32)
    ratio = np.zeros(n_mels + 2, np.float32)
    _enforce(
        spectra,
        previous,
        target,
        bank,
        np.float32(momentum),
        np.float32(limit),
        sharpen,
        (parts, points, rows, ratio),
    )


def smooth_magnitude(
    target: Target, bank: MelBank, n_bins: int
) -> Float32[np.ndarray, "plane frame bin"]:
    """The smoothest magnitudes with these mel rows: a flat spectrum, scaled a few times."""
    n_planes, n_frames, n_mels = target.shape
    magnitude = np.empty((n_planes, n_frames, n_bins), np.float32)
    flat_rows = np.zeros((LANES, n_mels), np.float32)
    points = np.ones((LANES, 2 * n_bins), np.float32)
    _sum_rows(points, bank, flat_rows)
    room = (points, flat_rows.copy(), np.zeros(n_mels + 2, np.float32), points[0].copy())
    _fill_smooth(target, bank, flat_rows[0], room, magnitude)
    return magnitude


@compiled
def _fill_smooth(
    target: Target,
    bank: MelBank,
    flat_rows: Float32[np.ndarray, " mel"],
    room: tuple[
        FourPoints, FourRows, Float32[np.ndarray, " mel_and_two"], Float32[np.ndarray, " point"]
    ],
    magnitude: Float32[np.ndarray, "plane frame bin"],
) -> None:
    """The magnitude at half bins is scaled as if it were the spectrum's own."""
    points, rows, ratio, gains = room
    n_planes, n_frames, n_bins = magnitude.shape
    n_points = bank.row_below.shape[0]
    for plane in range(n_planes):
        for first in range(0, n_frames, LANES):
            n_lanes = min(LANES, n_frames - first)
            for step in range(SMOOTH_STEPS + 1):
                if step > 0:
                    _sum_rows(points, bank, rows)
                for lane in range(n_lanes):
                    wanted = target[plane, first + lane]
                    if step == 0:
                        rows[lane, :] = flat_rows
                        _find_ratios(wanted, rows[lane], FROM_FLAT, False, ratio)
                        _find_gains(rows[lane], bank, points[lane])
                        continue
                    _find_ratios(wanted, rows[lane], SMOOTH_LIMIT, True, ratio)
                    _find_gains(rows[lane], bank, gains)
                    scaled = points[lane]
                    for p in range(n_points):
                        scaled[p] *= gains[p]
            for lane in range(n_lanes):
                found, scaled = magnitude[plane, first + lane], points[lane]
                for b in range(n_bins):
                    found[b] = scaled[2 * b]


@compiled
def _enforce(
    spectra: Spectra,
    previous: Spectra,
    target: Target,
    bank: MelBank,
    momentum: np.float32,
    limit: np.float32,
    sharpen: bool,
    room: tuple[
        Float32[np.ndarray, "plane lane part padded_bin"],
        FourPoints,
        FourRows,
        Float32[np.ndarray, " mel_and_two"],
    ],
) -> None:
    parts, points, rows, ratio = room
    n_channels, n_frames, _ = spectra.shape
    for first in range(0, n_frames, LANES):
        n_lanes = min(LANES, n_frames - first)
        for plane in range(target.shape[0]):
            for lane in range(n_lanes):
                if plane == n_channels:
                    _split_mid(parts[0, lane], parts[1, lane], parts[2, lane])
                else:
                    k = first + lane
                    _load(spectra[plane, k], previous[plane, k], momentum, bank, parts[plane, lane])
                    _find_half_bins(parts[plane, lane], bank)
                _find_magnitudes(parts[plane, lane], bank, points[lane])
            _sum_rows(points, bank, rows)
            for lane in range(n_lanes):
                _find_ratios(target[plane, first + lane], rows[lane], limit, sharpen, ratio)
                _find_gains(rows[lane], bank, points[lane])
                _apply_gains(points[lane], bank, parts[plane, lane])
        for lane in range(n_lanes):
            if target.shape[0] > n_channels:
                _join_mid(parts[0, lane], parts[1, lane], parts[2, lane])
            for channel in range(n_channels):
                _store(parts[channel, lane], bank, spectra[channel, first + lane])


@compiled
def _split_mid(left: Parts, right: Parts, mid: Parts) -> None:
    """Fill `mid` with the mean, and leave in left and right what they differ from it."""
    for part in range(PARTS):
        one, other, mean = left[part], right[part], mid[part]
        for b in range(mean.shape[0]):
            value = np.float32(0.5) * (one[b] + other[b])
            mean[b] = value
            one[b] -= value
            other[b] -= value


@compiled
def _join_mid(left: Parts, right: Parts, mid: Parts) -> None:
    for part in range(PARTS):
        one, other, mean = left[part], right[part], mid[part]
        for b in range(mean.shape[0]):
            one[b] += mean[b]
            other[b] += mean[b]


@compiled
def _load(
    spectrum: Spectrum, previous: Spectrum, momentum: np.float32, bank: MelBank, parts: Parts
) -> None:
    """The spectrum pushed on by `momentum`, with the phase that it has at the frame's center."""
    real, imag = parts[0], parts[1]
    for k in range(bank.taps.shape[0]):
        begin, end = bank.bin_bounds[k], bank.bin_bounds[k + 1]
        shift = PAD * (2 * k + 1)
        sign = np.float32(1)
        for b in range(begin, end):
            now, before = spectrum[b], previous[b]
            previous[b] = now
            real[b + shift] = sign * (now.real + momentum * (now.real - before.real))
            imag[b + shift] = sign * (now.imag + momentum * (now.imag - before.imag))
            sign = -sign
        first, last = shift + begin, shift + end - 1
        for j in range(1, PAD + 1):  # the spectrum of a real signal is mirrored at both ends
            real[first - j] = real[first + j]
            imag[first - j] = -imag[first + j]
            real[last + j] = real[last - j]
            imag[last + j] = -imag[last - j]


@compiled
def _find_half_bins(parts: Parts, bank: MelBank) -> None:
    """half[PAD + b] lies between the bins b and b + 1."""
    for k in range(bank.taps.shape[0]):
        first = bank.bin_bounds[k] + 2 * PAD * k
        n_bins = bank.bin_bounds[k + 1] - bank.bin_bounds[k]
        t0, t1, t2 = bank.taps[k, 0], bank.taps[k, 1], bank.taps[k, 2]
        for part in range(2):
            bins = parts[part, first : first + n_bins + 2 * PAD]
            half = parts[part + 2, first : first + n_bins + 2 * PAD]
            for b in range(n_bins):
                half[b + 3] = (
                    t0 * (bins[b + 1] + bins[b + 6])
                    + t1 * (bins[b + 2] + bins[b + 5])
                    + t2 * (bins[b + 3] + bins[b + 4])
                )


@compiled
def _find_magnitudes(parts: Parts, bank: MelBank, points: Float32[np.ndarray, " point"]) -> None:
    real, imag, half_real, half_imag = parts[0], parts[1], parts[2], parts[3]
    for k in range(bank.taps.shape[0]):
        shift = PAD * (2 * k + 1)
        for b in range(bank.bin_bounds[k], bank.bin_bounds[k + 1]):
            i = b + shift
            points[2 * b] = math.sqrt(real[i] * real[i] + imag[i] * imag[i])
            points[2 * b + 1] = math.sqrt(half_real[i] * half_real[i] + half_imag[i] * half_imag[i])


@compiled
def _sum_rows(points: FourPoints, bank: MelBank, rows: FourRows) -> None:
    """The four lanes' mel rows; four sums side by side cost little more than one."""
    p0, p1, p2, p3 = points[0], points[1], points[2], points[3]
    rows[:] = 0
    for entry in range(bank.row.shape[0]):
        begin, end = bank.begin[entry], bank.begin[entry + 1]
        shift = bank.first_point[entry] - begin
        s0 = s1 = s2 = s3 = np.float32(0)
        for k in range(begin, end):
            w, p = bank.weight[k], shift + k
            s0 += w * p0[p]
            s1 += w * p1[p]
            s2 += w * p2[p]
            s3 += w * p3[p]
        row = bank.row[entry]
        rows[0, row] += s0
        rows[1, row] += s1
        rows[2, row] += s2
        rows[3, row] += s3


@compiled
def _find_ratios(
    target: Float32[np.ndarray, " mel"],
    rows: Float32[np.ndarray, " mel"],
    limit: np.float32,
    sharpen: bool,
    ratio: Float32[np.ndarray, " mel_and_two"],
) -> None:
    """Put r_j = target / measured in place of `rows`, sharp: r_j^1.75 / (r_{j-1} r_{j+1})^0.25."""
    n_mels = rows.shape[0]
    lowest = np.float32(1) / limit
    for j in range(n_mels):
        ratio[j + 1] = min(max(target[j] / max(rows[j], TINY), lowest), limit)
    ratio[0], ratio[n_mels + 1] = ratio[1], ratio[n_mels]
    for j in range(n_mels):
        r = ratio[j + 1]
        if sharpen:
            r = min(r * math.sqrt(r * math.sqrt(r / (ratio[j] * ratio[j + 2]))), limit)
        rows[j] = r if target[j] > 0 else np.float32(0)


@compiled
def _find_gains(
    ratio: Float32[np.ndarray, " mel"], bank: MelBank, gains: Float32[np.ndarray, " point"]
) -> None:
    for p in range(bank.row_below.shape[0]):
        j = bank.row_below[p]
        gains[p] = bank.part_below[p] * ratio[j] + bank.part_above[p] * ratio[j + 1]


@compiled
def _apply_gains(gains: Float32[np.ndarray, " point"], bank: MelBank, parts: Parts) -> None:
    for k in range(bank.taps.shape[0]):
        shift = PAD * (2 * k + 1)
        for part in range(2):
            bins, half = parts[part], parts[part + 2]
            for b in range(bank.bin_bounds[k], bank.bin_bounds[k + 1]):
                bins[b + shift] *= gains[2 * b]
                half[b + shift] *= gains[2 * b + 1]


@compiled
def _store(parts: Parts, bank: MelBank, spectrum: Spectrum) -> None:
    """Bins and half bins back to bins: the transpose of `_find_half_bins`, averaged with them."""
    for k in range(bank.taps.shape[0]):
        begin, n_bins = bank.bin_bounds[k], bank.bin_bounds[k + 1] - bank.bin_bounds[k]
        first = begin + 2 * PAD * k
        half_real = parts[2, first : first + n_bins + 2 * PAD]
        half_imag = parts[3, first : first + n_bins + 2 * PAD]
        last = PAD + n_bins - 2  # the last half bin below the Nyquist frequency
        for j in range(PAD):
            half_real[PAD - 1 - j] = half_real[PAD + j]
            half_imag[PAD - 1 - j] = -half_imag[PAD + j]
            half_real[last + 1 + j] = half_real[last - j]
            half_imag[last + 1 + j] = -half_imag[last - j]
        t0, t1, t2 = bank.taps[k, 0], bank.taps[k, 1], bank.taps[k, 2]
        for part in range(2):
            bins = parts[part, first : first + n_bins + 2 * PAD]
            half = parts[part + 2, first : first + n_bins + 2 * PAD]
            for b in range(n_bins):
                bins[b + 3] += (
                    t0 * (half[b] + half[b + 5])
                    + t1 * (half[b + 1] + half[b + 4])
                    + t2 * (half[b + 2] + half[b + 3])
                )
        sign = np.float32(0.5)
        for b in range(n_bins):
            i = first + PAD + b
            spectrum[begin + b] = complex(sign * parts[0, i], sign * parts[1, i])
            sign = -sign
