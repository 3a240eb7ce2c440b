"""What is in a score, in plain values: chords, sections, players."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from riffkit.score.chords import chord_line
from riffkit.score.harmony import Chord, key_names
from riffkit.score.notes import Score, Track

_PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_FLAT_MAJORS = ("F", "Bb", "Eb", "Ab", "Db")
_TO_MAJOR = {"major": 0, "minor": 3, "dorian": 10, "phrygian": 8, "mixolydian": 5, "blues": 3}
"""Semitones up to the major key that has the same notes."""


def summary(score: Score) -> dict[str, Any]:
    """A score's facts, for people and JSON.

    Tracks are numbered as they stand in its MIDI file; the parts of the drums are one. Sections are
    counted in bars, the first is 1.
    """
    facts = score.facts
    beats = facts.beats_per_bar
    return {
        "bpm": facts.bpm,
        "key": None if facts.key is None else f"{facts.key} {facts.mode}",
        "beats_per_bar": beats,
        "bars": -(-score.n_beats // beats),
        "style": facts.style or None,
        "chords": _chords(score),
        "sections": [
            {"name": s.name, "bar": s.start / beats + 1, "bars": s.n_beats / beats}
            for s in score.sections
        ],
        "tracks": list(_tracks(score)),
        "notes": sum(len(track.notes) for track in score.tracks),
    }


def pitch_name(pitch: int) -> str:
    """Such as "C4" for 60, the middle C."""
    return f"{_PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _chords(score: Score) -> str:
    """The chord symbols; none where nobody plays a pitch."""
    if all(track.is_drums for track in score.tracks):
        return ""
    beats = score.facts.beats_per_bar
    return chord_line(_joined(score.chords), beats_per_bar=beats, flats=_has_flats(score))


def _joined(chords: Sequence[Chord]) -> list[Chord]:
    """Chords of which no two that follow one another are the same."""
    found: list[Chord] = []
    for chord in chords:
        here = (chord.root, chord.intervals, chord.bass)
        if found and (found[-1].root, found[-1].intervals, found[-1].bass) == here:
            found[-1] = replace(found[-1], duration=found[-1].duration + chord.duration)
        else:
            found.append(chord)
    return found


def _has_flats(score: Score) -> bool | None:
    """Whether the key is written with flats; None without a key."""
    key, mode = score.facts.key, score.facts.mode
    if key is None or mode is None:
        return None
    if len(key) == 2:
        return key[1] == "b"
    tonic = key_names(mode).index(key)
    return key_names("major")[(tonic + _TO_MAJOR[mode]) % 12] in _FLAT_MAJORS


def _tracks(score: Score) -> Iterator[dict[str, Any]]:
    pitched = [track for track in score.tracks if not track.is_drums]
    for number, track in enumerate(pitched, 1):
        pitches = [note.pitch for note in track.notes]
        yield {
            "track": number,
            "name": track.name,
            "instrument": track.instrument,
            "role": track.role,
            "notes": len(track.notes),
            "lowest": pitch_name(min(pitches)),
            "highest": pitch_name(max(pitches)),
        }
    drums: Sequence[Track] = [track for track in score.tracks if track.is_drums]
    if drums:
        yield {
            "track": len(pitched) + 1,
            "instrument": "drums",
            "role": "drums",
            "kit": score.facts.kit,
            "parts": [track.instrument for track in drums],
            "notes": sum(len(track.notes) for track in drums),
        }
