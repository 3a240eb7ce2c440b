"""From onsets and frames in columns to notes and strokes in seconds. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

ONSET_THRESHOLD, DRUM_THRESHOLD, FRAME_THRESHOLD = 0.38, 0.46, 0.4
_LEAST_COLUMNS = 1.5
_SOFTEST = 1e-4


@dataclass(frozen=True)
class HeardNote:
    """A pitched note: times in seconds, MIDI pitch, MIDI velocity; `bass` is a probability."""

    start: float
    duration: float
    pitch: int
    velocity: int
    bass: float


@dataclass(frozen=True)
class HeardStroke:
    """A stroke of a drum, one of `network.DRUMS`; its time in seconds, its MIDI velocity."""

    start: float
    drum: str
    velocity: int


@dataclass(frozen=True)
class HeardNotes:
    """All that is played in `seconds` of sound, by time."""

    notes: tuple[HeardNote, ...]
    strokes: tuple[HeardStroke, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.notes) + len(self.strokes)


def onset_peaks(
    onset: Float[np.ndarray, "row column"], threshold: float
) -> tuple[Int[np.ndarray, " peak"], Int[np.ndarray, " peak"], Float[np.ndarray, " peak"]]:
    """Rows and columns of the peaks over time, and their places between columns.

    The network's targets are Gaussians in time, so a parabola through the logarithms of three
    columns has its vertex where the note begins (arXiv:2010.01815 has another such form).
    """
    before, after = np.roll(onset, 1, axis=1), np.roll(onset, -1, axis=1)
    rows, columns = np.nonzero((onset >= threshold) & (onset > before) & (onset >= after))
    low, peak, high = (
        np.log(np.maximum(values[rows, columns], _SOFTEST)) for values in (before, onset, after)
    )
    shift = 0.5 * (low - high) / np.minimum(low - 2 * peak + high, -1e-6)
    return rows, columns, columns + np.clip(shift, -0.5, 0.5)


def note_lengths(
    frame: Float[np.ndarray, "row column"],
    rows: Int[np.ndarray, " peak"],
    columns: Int[np.ndarray, " peak"],
) -> Float[np.ndarray, " peak"]:
    """Columns from each onset until the frames go silent or the pitch is struck again."""
    sounding = frame >= FRAME_THRESHOLD
    return np.array(
        [
            _length(sounding[row], int(column), columns[rows == row])
            for row, column in zip(rows, columns, strict=True)
        ]
    )


def _length(
    sounding: Bool[np.ndarray, " column"], column: int, onsets: Int[np.ndarray, " onset"]
) -> float:
    n_columns = len(sounding)
    ahead = np.roll(sounding, -column - 1)
    silent = np.flatnonzero(~ahead[1:])
    until_silent = silent[0] + 2 if silent.size else n_columns
    until_next = min((o - column - 1) % n_columns + 1 for o in onsets)
    return float(max(_LEAST_COLUMNS, min(until_silent, until_next)))
