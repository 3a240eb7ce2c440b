"""From a mel image to the transcriber's input: even steps of pitch, and about 32 columns a second.

On the log-frequency axis a harmonic lies at the same distance above every fundamental, so that one
set of filters serves all pitches (the harmonic constant-Q transform of arXiv:2203.09893).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import SpectrogramParams

LOWEST_PITCH, HIGHEST_PITCH = 21, 108
N_PITCHES = HIGHEST_PITCH - LOWEST_PITCH + 1
BINS_PER_SEMITONE = 3
BINS_BELOW, BINS_ABOVE = 39, 84  # 13 semitones below the lowest pitch, 28 above the highest
N_BINS = BINS_BELOW + N_PITCHES * BINS_PER_SEMITONE + BINS_ABOVE
FINE_ROWS, FINE_BAND, BAND = 64, 2, 8
N_BANDS = FINE_ROWS // FINE_BAND + (512 - FINE_ROWS) // BAND
"""Rows of the drums' input: the lowest 64 mel rows by twos, those above by eights."""
COLUMNS_PER_SECOND = 32
COLUMN_STEP = 16
DRUM_COLUMNS = 2
"""The drums' input has so many columns for each of the pitches'."""
RANGE_DB = 80.0
"""Below the loudest point of the clip; what is softer is silence."""


def n_columns(seconds: float) -> int:
    """The width of the input: a multiple of COLUMN_STEP, at least twice that."""
    return COLUMN_STEP * max(2, round(seconds * COLUMNS_PER_SECOND / COLUMN_STEP))


@lru_cache(maxsize=4)
def bin_weights(params: SpectrogramParams) -> Float[Tensor, "bin row"]:
    """What each bin takes of the mel rows around its frequency; its weights add up to 1.

    Bins interpolate rows in the bass, where these are further apart, and average them above. The
    result is shared: treat it as read-only.
    """
    steps = np.arange(N_BINS) - BINS_BELOW - (BINS_PER_SEMITONE - 1) / 2
    bin_hz = 440 * 2 ** ((LOWEST_PITCH - 69 + steps / BINS_PER_SEMITONE) / 12)
    row_hz = mel_row_hz(params)
    row_step = np.gradient(row_hz)
    half_width = np.maximum(
        np.interp(bin_hz, row_hz, row_step), bin_hz * (2 ** (1 / (12 * BINS_PER_SEMITONE)) - 1)
    )
    near = np.clip(1 - np.abs(row_hz[None] - bin_hz[:, None]) / half_width[:, None], 0, None)
    near[bin_hz < row_hz[0], 0] = 1
    return torch.from_numpy(near / np.maximum(near.sum(1, keepdims=True), 1e-9)).float()


def at_columns(
    power: Float[Tensor, "*batch row column"], n_columns: int
) -> Float[Tensor, "*batch row narrow"]:
    """The mean power of each of `n_columns` equal spans of time."""
    return power @ _span_weights(power.shape[-1], n_columns).to(power.device)


@lru_cache(maxsize=64)
def _span_weights(n_wide: int, n_narrow: int) -> Float[Tensor, "wide narrow"]:
    edges = torch.arange(n_narrow + 1, dtype=torch.float64) * (n_wide / n_narrow)
    places = torch.arange(n_wide, dtype=torch.float64)[:, None]
    overlap = torch.minimum(edges[1:], places + 1) - torch.maximum(edges[:-1], places)
    return (overlap.clamp_min(0) * (n_narrow / n_wide)).float()


def to_loudness(power: Float[Tensor, "*batch row column"]) -> Float[Tensor, "*batch row column"]:
    """0 (RANGE_DB below the loudest point, and softer) to 1 (the loudest point)."""
    loudest = power.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    decibels = 10 * (power / loudest).clamp_min(10 ** (-RANGE_DB / 10)).log10()
    return 1 + decibels / RANGE_DB


def to_bins(
    loudness: Float[Tensor, "*batch row column"], params: SpectrogramParams
) -> Float[Tensor, "*batch bin column"]:
    """The rows on the log-frequency axis."""
    return bin_weights(params).to(loudness.device) @ loudness


def to_bands(loudness: Float[Tensor, "*batch row column"]) -> Float[Tensor, "*batch band column"]:
    """Neighboring rows together, for the drums."""
    low, high = loudness.split([FINE_ROWS, loudness.shape[-2] - FINE_ROWS], dim=-2)
    pooled = [
        rows.unflatten(-2, (-1, size)).mean(-2) for rows, size in ((low, FINE_BAND), (high, BAND))
    ]
    return torch.cat(pooled, dim=-2)
