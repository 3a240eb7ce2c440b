"""The chords that are heard in notes are those that the notes were written over."""

from __future__ import annotations

import pytest

from riffkit.score.brief import Brief
from riffkit.score.chord_finding import chords_of
from riffkit.score.chord_symbols import chord_name
from riffkit.score.chords import chord_line, parse_chords
from riffkit.score.compose import compose
from riffkit.score.harmony import chord_at
from riffkit.score.notes import Note, Track
from riffkit.score.styles import STYLES


def played(text: str, beats_per_bar: int) -> Track:
    """Chords as blocks, the bass an octave lower."""
    notes = []
    for chord in parse_chords(text, beats_per_bar=beats_per_bar):
        pitches = [36 + chord.lowest, *(60 + chord.root + i for i in chord.intervals)]
        notes += [Note(chord.start, chord.duration, pitch, 90) for pitch in pitches]
    return Track("piano", "comp", 0, 0, -20.0, 0.0, 0.2, tuple(notes))


@pytest.mark.parametrize(
    ("text", "beats"),
    [
        ("Am7 | F | C/G | G7sus4", 4),
        ("C | Am | Dm7 | G7", 3),
        ("C G/B | Am Em | F C/E | Dm G", 4),
        ("Cmaj7 | Bm7b5 E7 | Am | C#dim7", 4),
        ("F#m9 | B13 | E6 | Caug", 5),
        ("D5 | Bb5 / / C5", 4),
    ],
)
def test_block_chords_are_named(text: str, beats: int) -> None:
    track = played(text, beats)
    end = round(max(note.start + note.duration for note in track.notes))
    assert chord_line(chords_of([track], end, beats), beats_per_bar=beats) == text


def test_silence_has_no_chord() -> None:
    assert [chord_name(chord) for chord in chords_of([], 8, 4)] == ["N.C.", "N.C."]


def test_composed_chords_are_heard() -> None:
    """But for chorales, where each passing note makes a chord of its own."""
    same_root = same_name = total = 0
    for seed, style in enumerate(name for name in STYLES if name != "chorale"):
        score = compose(Brief(style=style), bars=8, seed=200 + seed)
        heard = chords_of(score.tracks, score.n_beats, score.facts.beats_per_bar)
        for beat in range(score.n_beats):
            written, found = (chord_at(of, beat + 0.25) for of in (score.chords, heard))
            total += 1
            same_root += written.root == found.root
            same_name += (written.root, chord_name(written)) == (
                found.root,
                chord_name(found).split("/")[0],
            )
    assert same_root >= 0.94 * total
    assert same_name >= 0.8 * total
