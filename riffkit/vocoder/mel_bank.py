"""The mel filter bank as Griffin-Lim needs it: sparse, and finer than the transforms' grids.

A mel row of riffusion-v1 is 3.7 Hz wide at the low end; the working transform has a bin every
10 Hz. So a spectrum is evaluated at half bins too, and its magnitude interpolated at quarter bins,
which is the grid that the image was made on.

An image whose rows are measured with several windows has a transform for each. Their bins stand
one after the other, as if they were one spectrum; so do the points, two to a bin.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float32, Float64, Int32, Int64

from riffkit.spectrogram.mel import INT16_SCALE
from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis, off_grid_analysis
from riffkit.vocoder.grid import WorkingBand

QUARTERS = 4  # points of the finest grid to one bin
CUBIC = ((-1, -1 / 16), (0, 9 / 16), (1, 9 / 16), (2, -1 / 16))  # Lagrange, half way between


class MelBank(NamedTuple):
    """Filters on half bins: a transform's point h lies at h / 2 bins.

    Entry e adds `weight[begin[e] : begin[e + 1]]` times the points from `first_point[e]` on to the
    row `row[e]`. Between the rows the gain of a point is that of the row below and of the next
    one, in parts. `bin_bounds[k]` is the first bin of transform k.
    """

    row: Int32[np.ndarray, " entry"]
    first_point: Int32[np.ndarray, " entry"]
    begin: Int32[np.ndarray, " entry_end"]
    weight: Float32[np.ndarray, " value"]
    row_below: Int32[np.ndarray, " point"]
    part_below: Float32[np.ndarray, " point"]
    part_above: Float32[np.ndarray, " point"]
    taps: Float32[np.ndarray, "transform tap"]
    bin_bounds: Int32[np.ndarray, " transform_end"]


@lru_cache(maxsize=16)
def mel_bank(params: SpectrogramParams, bands: tuple[WorkingBand, ...]) -> MelBank:
    """The bank that gives `bands`, of a waveform at ±1, the mel values of an image.

    The values are those of `riffkit.spectrogram.mel.waveform_to_mel`: int16 scale, and the level
    of the off-grid window and bin spacing. Cached and shared: treat it as read-only.
    """
    corners = corner_hz(params)
    single = [_transform_bank(params, corners, band) for band in bands]
    n_bins = [band.analysis.n_bins for band in bands]
    bin_bounds = np.concatenate(([0], np.cumsum(n_bins)))
    weights = np.cumsum([0, *(len(bank.weight) for bank in single)])
    return MelBank(
        row=np.concatenate([bank.row for bank in single]),
        first_point=np.concatenate(
            [bank.first_point + 2 * first for bank, first in zip(single, bin_bounds, strict=False)]
        ).astype(np.int32),
        begin=np.concatenate(
            [bank.begin[:-1] + w for bank, w in zip(single, weights, strict=False)] + [weights[-1:]]
        ).astype(np.int32),
        weight=np.concatenate([bank.weight for bank in single]),
        row_below=np.concatenate([bank.row_below for bank in single]),
        part_below=np.concatenate([bank.part_below for bank in single]),
        part_above=np.concatenate([bank.part_above for bank in single]),
        taps=np.concatenate([bank.taps for bank in single]),
        bin_bounds=bin_bounds.astype(np.int32),
    )


def _transform_bank(
    params: SpectrogramParams, corners: Float64[np.ndarray, " corner"], band: WorkingBand
) -> MelBank:
    """The bank of one transform: the rows that it has a share in."""
    analysis = band.analysis
    filters = _quarter_bin_filters(corners, analysis) @ _quarters_from_halves(analysis.n_bins)
    first, end = band.window.first_row, band.window.end_row
    filters = filters[first:end].tocsr()
    filters.sum_duplicates()
    points = np.append(filters.indices, 0)  # a row may be empty where rows are finer than points
    share = np.repeat(band.window.weight[first:end], np.diff(filters.indptr))
    row_below, part_below, part_above = _gain_parts(corners, analysis, first, end)
    return MelBank(
        row=np.arange(first, end, dtype=np.int32),
        first_point=points[filters.indptr[:-1]].astype(np.int32),
        begin=filters.indptr.astype(np.int32),
        weight=(filters.data * share * _level(params, band)).astype(np.float32),
        row_below=row_below,
        part_below=part_below,
        part_above=part_above,
        taps=half_bin_taps(analysis.n_fft)[None],
        bin_bounds=np.array([0, analysis.n_bins], np.int32),
    )


def _level(params: SpectrogramParams, band: WorkingBand) -> float:
    """A magnitude grows with the window's samples, a row's sum with the density of points."""
    image, analysis = off_grid_analysis(params), band.analysis
    window = image.window_samples / analysis.window_samples * band.window.level
    return INT16_SCALE * window * (analysis.bin_hz / QUARTERS) / image.bin_hz


def _quarter_bin_filters(
    corner_hz: Float64[np.ndarray, " corner"], analysis: Analysis
) -> scipy.sparse.csr_array:
    """The triangles of `mel_filterbank`, [mel, quarter bin]; a point lies under at most two."""
    n_mels = len(corner_hz) - 2
    hz = np.arange(QUARTERS * (analysis.n_bins - 1) + 1) * (analysis.bin_hz / QUARTERS)
    inside = np.flatnonzero((hz >= corner_hz[0]) & (hz < corner_hz[-1]))
    segment, rising = _segment(hz[inside], corner_hz)
    row = np.concatenate((segment - 1, segment))
    point = np.concatenate((inside, inside))
    weight = np.concatenate((1 - rising, rising))
    known = (row >= 0) & (row < n_mels)
    return scipy.sparse.csr_array(
        (weight[known], (row[known], point[known])), shape=(n_mels, len(hz))
    )


def _segment(
    hz: Float64[np.ndarray, " point"], corner_hz: Float64[np.ndarray, " corner"]
) -> tuple[Int64[np.ndarray, " point"], Float64[np.ndarray, " point"]]:
    """Between which corners a frequency lies, and how far along, 0 to 1."""
    segment = np.searchsorted(corner_hz, hz, side="right") - 1
    segment = np.clip(segment, 0, len(corner_hz) - 2)
    return segment, (hz - corner_hz[segment]) / np.diff(corner_hz)[segment]


def _quarters_from_halves(n_bins: int) -> scipy.sparse.csr_array:
    """Magnitudes at quarter bins from those at half bins, [quarter, half]: cubic in between."""
    n_halves = 2 * n_bins - 1
    halves = np.arange(n_halves)
    rows, points, weights = [2 * halves], [halves], [np.ones(n_halves)]
    for offset, weight in CUBIC:
        mirrored = np.abs(halves[:-1] + offset)
        mirrored = np.minimum(mirrored, 2 * (n_halves - 1) - mirrored)
        rows.append(2 * halves[:-1] + 1)
        points.append(mirrored)
        weights.append(np.full(n_halves - 1, weight))
    return scipy.sparse.csr_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(points))),
        shape=(2 * n_halves - 1, n_halves),
    )


def _gain_parts(
    corner_hz: Float64[np.ndarray, " corner"], analysis: Analysis, first_row: int, end_row: int
) -> tuple[
    Int32[np.ndarray, " point"], Float32[np.ndarray, " point"], Float32[np.ndarray, " point"]
]:
    """Linear between the rows' peaks, constant beyond the outer ones, 0 outside the rows."""
    peak_hz = corner_hz[1:-1]
    hz = np.arange(2 * analysis.n_bins) * (analysis.bin_hz / 2)
    row, above = _segment(np.clip(hz, peak_hz[0], peak_hz[-1]), peak_hz)
    inside = (hz >= corner_hz[first_row]) & (hz < corner_hz[end_row + 1])
    return (
        row.astype(np.int32),
        (inside * (1 - above)).astype(np.float32),
        (inside * above).astype(np.float32),
    )


def half_bin_taps(n_fft: int, n_taps: int = 3) -> Float32[np.ndarray, " tap"]:
    """The symmetric filter along frequency that gives a Hann frame's spectrum at half bins.

    Half a bin is a turn by e^{iπn/N} in time. The taps' own transform, 2 Σ t_k cos((2k + 1)πn/N),
    is fitted to 1 where the frame has weight. Outermost tap first; the error is 2 % (rms).
    """
    turn = np.pi * (np.arange(n_fft) / n_fft - 0.5)
    hann = np.cos(turn) ** 2
    waves = 2 * np.cos(np.outer(turn, 2 * np.arange(n_taps) + 1))
    taps = np.linalg.lstsq(waves * hann[:, None], hann, rcond=None)[0]
    return taps[::-1].astype(np.float32)
