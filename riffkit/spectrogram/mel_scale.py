"""The frequencies of an image's mel rows in hertz, lowest row first."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from riffkit.spectrogram.params import HTK_BREAK_HZ, SpectrogramParams


def hz_to_mel(hz: float, break_hz: float = HTK_BREAK_HZ) -> float:
    """2,595 · log10(1 + f / break): linear far below the break frequency, logarithmic above it.

    With 700 Hz it is the HTK scale. A higher break frequency moves rows from the bass, where they
    lie closer than a window resolves, to the treble.
    """
    return 2595.0 * math.log10(1.0 + hz / break_hz)


def mel_to_hz(mel: float, break_hz: float = HTK_BREAK_HZ) -> float:
    """The inverse of `hz_to_mel`."""
    return break_hz * (10.0 ** (mel / 2595.0) - 1.0)


def corner_hz(params: SpectrogramParams) -> Float64[np.ndarray, " corner"]:
    """The n_mels + 2 corner frequencies of the rows' triangles."""
    import torch  # whose steps differ from numpy's in the last bits

    low, high = (hz_to_mel(hz, params.mel_break_hz) for hz in (params.min_hz, params.max_hz))
    mels = torch.linspace(low, high, params.n_mels + 2, dtype=torch.float64).tolist()
    return np.array([mel_to_hz(mel, params.mel_break_hz) for mel in mels])


def mel_row_hz(params: SpectrogramParams) -> Float64[np.ndarray, " mel"]:
    """The frequency at which each row's filter peaks."""
    return corner_hz(params)[1:-1]


def mel_row_spacing_hz(params: SpectrogramParams) -> Float64[np.ndarray, " mel"]:
    """The spacing of the rows in hertz: half the width of each row's triangle."""
    corners = corner_hz(params)
    spacing: Float64[np.ndarray, " mel"] = (corners[2:] - corners[:-2]) / 2
    return spacing
