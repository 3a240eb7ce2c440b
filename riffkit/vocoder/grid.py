"""The sample rate at which Griffin-Lim works, and the frames it cuts there."""

from __future__ import annotations

import math

from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis, next_smooth

RATE_OVER_BAND = 2.16  # twice the highest frequency, and room for the window's main lobe


def working_analysis(params: SpectrogramParams, *, n_frames: int, n_samples: int) -> Analysis:
    """The lowest rate that holds the band, with a whole hop a column and smooth sizes.

    `n_samples` at `params.sample_rate` is the length of `n_frames` columns, so that the window
    keeps its milliseconds whatever the tempo. 0-10 kHz with 10 ms columns: 21.6 kHz, hop 216,
    window and transform 2,160.
    """
    column_seconds = n_samples / params.sample_rate / n_frames
    lowest_hop = RATE_OVER_BAND * params.max_hz * column_seconds
    hop_samples = next_smooth(math.ceil(lowest_hop - 1e-6))
    sample_rate = hop_samples / column_seconds
    half_window = max(1, round(params.window_ms * sample_rate / 2000))
    return Analysis(sample_rate, hop_samples, 2 * half_window, 2 * next_smooth(half_window))
