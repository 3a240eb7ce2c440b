"""Band-limited periodic waves, filtered where they are exact: partial by partial.

A low-pass over a periodic wave only scales its partials. So a note whose filter moves is read from
a table with a row for each of a few cutoffs, between which it glides. No recursion over samples is
needed, nothing aliases, and the pitch is exact.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from train.sounds.voices import SAMPLE_RATE

TABLE_SIZE = 2048
HIGHEST_HZ = 0.47 * SAMPLE_RATE

Wave = Literal["saw", "square", "pulse", "triangle", "organ", "sine"]
_DRAWBARS = {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.5, 6: 0.3, 8: 0.35, 10: 0.12, 12: 0.1, 16: 0.2}


def partials(wave: Wave, n: int) -> Float[np.ndarray, " n"]:
    """The amplitudes of the first `n` partials, the fundamental's is 1."""
    number = np.arange(1, n + 1)
    if wave == "saw":
        return 1.0 / number
    if wave == "square":
        return np.where(number % 2 == 1, 1.0 / number, 0.0)
    if wave == "pulse":
        return np.abs(np.sin(np.pi * number * 0.2)) / number / np.sin(np.pi * 0.2)
    if wave == "triangle":
        return np.where(number % 2 == 1, 1.0 / number**2, 0.0)
    if wave == "organ":
        return np.array([_DRAWBARS.get(int(k), 0.0) for k in number])
    return np.where(number == 1, 1.0, 0.0)


def low_pass(
    hz: Float[np.ndarray, " n"], cutoff_hz: float, *, resonance: float, poles: int
) -> Float[np.ndarray, " n"]:
    """The gain of a resonant filter of 2 or 4 poles; `resonance` is its gain at the cutoff."""
    ratio = hz / cutoff_hz
    gain = 1 / np.sqrt((1 - ratio**2) ** 2 + (ratio / resonance) ** 2)
    further: Float[np.ndarray, " n"] = gain / (1 + ratio**2) if poles == 4 else gain
    return further


def filtered_table(
    note_hz: float,
    wave: Wave,
    cutoffs_hz: Float[np.ndarray, " row"],
    *,
    resonance: float = 0.7,
    poles: int = 2,
) -> Float32[np.ndarray, "row phase"]:
    """A period of the note behind a filter at each of the cutoffs; one more sample wraps round."""
    n = int(min(TABLE_SIZE // 2 - 1, max(1, HIGHEST_HZ / note_hz)))
    amplitude = partials(wave, n)
    hz = note_hz * np.arange(1, n + 1)
    spectrum = np.zeros((len(cutoffs_hz), TABLE_SIZE // 2 + 1), np.complex128)
    for row, cutoff in enumerate(cutoffs_hz):
        gain = low_pass(hz, float(cutoff), resonance=resonance, poles=poles)
        spectrum[row, 1 : n + 1] = -1j * amplitude * gain
    period = np.fft.irfft(spectrum, axis=1) * (TABLE_SIZE / 2)
    return np.concatenate((period, period[:, :1]), axis=1).astype(np.float32)


def read_table(
    table: Float32[np.ndarray, "row phase"],
    cycles: Float[np.ndarray, " t"],
    row: Float[np.ndarray, " t"] | None = None,
) -> Float32[np.ndarray, " t"]:
    """The wave at `cycles` periods, between the rows that `row` lies between (None: the first)."""
    place = (cycles - np.floor(cycles)).astype(np.float32) * TABLE_SIZE
    column = np.minimum(place.astype(np.int32), TABLE_SIZE - 1)
    share = (place - column).astype(np.float32)
    if row is None or len(table) == 1:
        return _between(table[0], column, share)
    lower = np.minimum(row.astype(np.int32), len(table) - 2)
    between_rows = (row - lower).astype(np.float32)
    flat, offset = table.reshape(-1), table.shape[1]
    at = lower * np.int32(offset) + column
    low = _between(flat, at, share)
    high = _between(flat, at + np.int32(offset), share)
    return low + between_rows * (high - low)


def _between(
    values: Float32[np.ndarray, " n"], at: np.ndarray, share: np.ndarray
) -> Float32[np.ndarray, " t"]:
    left = values.take(at)
    found: Float32[np.ndarray, " t"] = left + share * (values.take(at + 1) - left)
    return found
