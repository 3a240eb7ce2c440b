"""Brings notes into an instrument's range, by octaves."""

from __future__ import annotations

from collections.abc import Sequence

from riffkit.score.notes import Note

_OCTAVE = 12


def in_range(pitch: int, low: int, high: int) -> int:
    """The pitch in the nearest octave that lies within."""
    while pitch < low:
        pitch += _OCTAVE
    while pitch > high:
        pitch -= _OCTAVE
    return pitch


def line_in_range(line: Sequence[Note], low: int, high: int) -> tuple[Note, ...]:
    """A line as it is; moved as a whole, where that brings it within; else note by note.

    Where no octave holds all of it, it lies in the one that holds most.
    """
    shifts = sorted(range(-120, 121, _OCTAVE), key=abs)
    inside = {shift: sum(low <= note.pitch + shift <= high for note in line) for shift in shifts}
    best = max(shifts, key=inside.__getitem__)  # the smallest shift of those
    return tuple(n.at_pitch(in_range(n.pitch + best, low, high)) for n in line)


def without_leaps(line: Sequence[Note], low: int, high: int) -> list[Note]:
    """A line whose leaps of more than an octave are an octave smaller, where the range allows."""
    bent: list[Note] = []
    for note in sorted(line, key=lambda note: note.start):
        pitch = note.pitch
        if bent and pitch - bent[-1].pitch > _OCTAVE and pitch - _OCTAVE >= low:
            pitch -= _OCTAVE
        elif bent and bent[-1].pitch - pitch > _OCTAVE and pitch + _OCTAVE <= high:
            pitch += _OCTAVE
        bent.append(note.at_pitch(pitch))
    return bent
