"""What is to be heard of a score, in seconds: unisons count once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from riffkit.evaluation.note_match import Onset
from riffkit.score import Note, Score, Track
from riffkit.score.general_midi import drum_section_of

_TOGETHER_SECONDS = 0.03


def drum_of(pitch: int) -> str:
    """A General MIDI drum key's kind, one of riffkit.analysis.transcription.network.DRUMS."""
    section = drum_section_of(pitch)
    return "cymbals" if section in ("ride", "crash") else section


def true_pitches(tracks: Iterable[Track], score: Score) -> list[Onset]:
    """When each note of the pitched tracks begins, with its pitch."""
    notes = (note for track in tracks if not track.is_drums for note in track.notes)
    return _onsets(notes, score, lambda note: note.pitch)


def true_drums(tracks: Iterable[Track], score: Score) -> list[Onset]:
    """When each drum is struck, with its kind."""
    notes = (note for track in tracks if track.is_drums for note in track.notes)
    return _onsets(notes, score, lambda note: drum_of(note.pitch))


def _onsets(
    notes: Iterable[Note], score: Score, kind_of: Callable[[Note], Hashable]
) -> list[Onset]:
    beat = 60 / score.bpm
    found: list[Onset] = []
    last: dict[Hashable, float] = {}
    for note in sorted(notes, key=lambda note: note.start):
        start, kind = note.start * beat, kind_of(note)
        if start - last.get(kind, -1.0) > _TOGETHER_SECONDS:
            found.append((start, kind))
            last[kind] = start
    return found
