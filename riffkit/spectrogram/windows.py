"""The analysis window of each mel row: no longer than is useful for the row.

A row at a distance of Δf from the next has no finer frequency resolution than Δf, for which a
window of about 1 / Δf is enough. A longer one only smears attacks. So if a preset has a
`time_bandwidth` above 0, the window of a row is

    w(row) = clamp(time_bandwidth / Δf(row), max(shortest_window_ms, 2.5 columns), window_ms)

(between fewer than 2.5 columns a window leaves gaps). A transform for each row would be slow, so
there are a few windows, a ladder from the longest to the shortest in equal ratios of at most 1.7,
and a row is the weighted sum of what the two windows next to its own w measure, by where log w
lies between them. With that the level is continuous from row to row, for noise and for tones. Each
window is scaled to show noise as bright as the longest one does, √(w / window_ms) · |X| / Σ window;
a tone is then darker by √(w / window_ms), a click brighter by the inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from riffkit.spectrogram.mel_scale import mel_row_spacing_hz
from riffkit.spectrogram.params import SpectrogramParams

SHORTEST_COLUMNS = 2.5
LARGEST_STEP = 1.7


@dataclass(frozen=True, eq=False)
class WindowBand:
    """A Hann window, its level, and its weight in each mel row (0 to 1).

    Over all bands the weights of a row sum to 1.
    """

    window_ms: float
    level: float
    weight: Float64[np.ndarray, " mel"]

    @property
    def first_row(self) -> int:
        """The lowest row with a weight."""
        return int(np.flatnonzero(self.weight)[0])

    @property
    def end_row(self) -> int:
        """The row above the highest with a weight."""
        return int(np.flatnonzero(self.weight)[-1]) + 1


@lru_cache(maxsize=64)
def window_bands(params: SpectrogramParams, column_ms: float) -> tuple[WindowBand, ...]:
    """The windows of an image whose columns are `column_ms` apart, the longest first.

    Cached and shared: treat it as read-only.
    """
    windows_ms = row_windows_ms(params, column_ms)
    longest, shortest = float(windows_ms.max()), float(windows_ms.min())
    n_steps = math.ceil(math.log(longest / shortest) / math.log(LARGEST_STEP) - 1e-6)
    if n_steps == 0:
        return (WindowBand(params.window_ms, 1.0, np.ones(params.n_mels)),)
    place = n_steps * np.log(longest / windows_ms) / math.log(longest / shortest)
    ladder_ms = longest * (shortest / longest) ** (np.arange(n_steps + 1) / n_steps)
    return tuple(
        WindowBand(
            window_ms=float(window_ms),
            level=math.sqrt(window_ms / params.window_ms),
            weight=np.clip(1 - np.abs(place - step), 0, 1),
        )
        for step, window_ms in enumerate(ladder_ms)
    )


def row_windows_ms(params: SpectrogramParams, column_ms: float) -> Float64[np.ndarray, " mel"]:
    """w(row): the window length of each row, in milliseconds."""
    if params.time_bandwidth == 0:
        return np.full(params.n_mels, params.window_ms)
    shortest_ms = max(params.shortest_window_ms, SHORTEST_COLUMNS * column_ms)
    wanted_ms = 1000 * params.time_bandwidth / mel_row_spacing_hz(params)
    return np.clip(wanted_ms, min(shortest_ms, params.window_ms), params.window_ms)
