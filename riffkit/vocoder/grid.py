"""The sample rates at which Griffin-Lim works, and the frames it cuts there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis, next_smooth
from riffkit.spectrogram.windows import WindowBand, window_bands

RATE_OVER_BAND = 2.16  # twice the highest frequency, and room for the window's main lobe
LOBE_BINS = 2.0  # half of a Hann window's main lobe, in units of 1 / window


@dataclass(frozen=True, eq=False)
class WorkingBand:
    """One window's share of the work: at the lowest rate that holds its rows.

    Of a loop's spectrum it hears all up to `passed_hz`, and gives what lies between its rows.
    """

    window: WindowBand
    analysis: Analysis
    passed_hz: float


@lru_cache(maxsize=64)
def working_bands(
    params: SpectrogramParams, *, n_frames: int, n_samples: int
) -> tuple[WorkingBand, ...]:
    """The bands of an image, longest window first; the last one's rate holds the whole band.

    `n_samples` at `params.sample_rate` is the length of `n_frames` columns, so that the windows
    keep their milliseconds whatever the tempo. Each has a whole hop a column and smooth sizes.
    0-10 kHz with 10 ms columns and one window of 100 ms: 21.6 kHz, hop 216, window and transform
    2,160.
    """
    column_seconds = n_samples / params.sample_rate / n_frames
    corners = corner_hz(params)
    windows = window_bands(params, 1000 * column_seconds)
    bands = []
    for window in windows:
        lobe_hz = 1000 * LOBE_BINS / window.window_ms
        top_hz = float(corners[window.end_row + 1])
        lowest_hz = RATE_OVER_BAND * top_hz + (4 * lobe_hz if window is not windows[-1] else 0)
        hop_samples = next_smooth(math.ceil(lowest_hz * column_seconds - 1e-6))
        sample_rate = hop_samples / column_seconds
        half_window = max(1, round(window.window_ms * sample_rate / 2000))
        analysis = Analysis(sample_rate, hop_samples, 2 * half_window, 2 * next_smooth(half_window))
        bands.append(WorkingBand(window, analysis, top_hz + lobe_hz))
    return tuple(bands)
