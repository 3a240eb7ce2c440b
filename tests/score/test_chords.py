"""Chord symbols as people write them, and the names of chords."""

from __future__ import annotations

import itertools
import random

import pytest

from riffkit.errors import ParameterError
from riffkit.score.chord_symbols import chord_name, parse_chord
from riffkit.score.chords import chord_line, parse_chords
from riffkit.score.harmony import Chord
from riffkit.score.lines import bass_line

ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@pytest.mark.parametrize(
    ("symbols", "classes"),
    [
        ("C Cmaj CM Cmajor c Cdur", "0 4 7"),
        ("Cm Cmin C- Cmi Cminor cm", "0 3 7"),
        ("Cdim C° Co", "0 3 6"),
        ("Cdim7 C°7 Co7", "0 3 6 9"),
        ("Cø Cø7 Cm7b5 Cm7-5 C-7b5 Cm7(b5) Chalfdim", "0 3 6 10"),
        ("Caug C+ C+5 C(#5)", "0 4 8"),
        ("C+7 Caug7 C7#5 C7+5 C7+", "0 4 8 10"),
        ("C6", "0 4 7 9"),
        ("Cm6 C-6", "0 3 7 9"),
        ("C69 C6/9 C6add9", "0 2 4 7 9"),
        ("C7 Cdom7", "0 4 7 10"),
        ("Cmaj7 CM7 CΔ CΔ7 Cma7 Cj7 C^7", "0 4 7 11"),
        ("Cm7 Cmin7 C-7 Cmi7", "0 3 7 10"),
        ("CmMaj7 CmM7 Cm(maj7) CmΔ Cminmaj7", "0 3 7 11"),
        ("C9", "0 2 4 7 10"),
        ("Cmaj9 CΔ9", "0 2 4 7 11"),
        ("Cm9", "0 2 3 7 10"),
        ("C11 C9sus4 C9sus", "0 2 5 7 10"),
        ("Cm11", "0 2 3 5 10"),
        ("C13", "0 2 4 9 10"),
        ("Csus2 C2", "0 2 7"),
        ("Csus4 Csus C4", "0 5 7"),
        ("C7sus4 C7sus", "0 5 7 10"),
        ("Cadd9 Cadd2 C(add9)", "0 2 4 7"),
        ("Cmadd9 Cm(add9)", "0 2 3 7"),
        ("C5", "0 7"),
        ("C7b9 C7(b9) C7-9", "0 1 4 7 10"),
        ("C7#9 C7+9 C7♯9", "0 3 4 7 10"),
        ("C7#11", "0 4 6 7 10"),
        ("C7b9#11 C7(b9,#11)", "0 1 4 6 7 10"),
        ("C7alt Calt", "0 3 4 8 10"),
    ],
)
def test_every_spelling_is_the_same_chord(symbols: str, classes: str) -> None:
    for symbol in symbols.split():
        assert " ".join(map(str, parse_chord(symbol).pitch_classes)) == classes, symbol


def test_roots_and_basses() -> None:
    sharp, flat, over = parse_chords("F♯m | B♭7 | D/F#", beats_per_bar=4)
    assert (sharp.root, flat.root) == (6, 10)
    assert (over.root, over.bass, over.lowest) == (2, 6, 6)
    assert parse_chord("C/C") == parse_chord("C")


@pytest.mark.parametrize("root", ROOTS)
def test_a_chord_s_name_is_read_as_that_chord(root: str) -> None:
    qualities = (
        "/m/7/m7/maj7/mMaj7/6/m6/9/m9/maj9/11/m11/13/m13/maj13/sus2/sus4/7sus4/add9/madd9/5/dim"
        "/dim7/m7b5/aug/aug7/7b5/7b9/7#9/7#11/7alt/13b9/13b9#11/maj7#11/6sus4/m9no5/sus2sus4"
    )
    for quality in qualities.split("/"):
        for bass in (None, *range(12)):
            named = parse_chord(root + quality)
            chord = Chord("", named.root, named.intervals, 0.0, 1.0, None)
            if bass is not None and bass != chord.root:
                chord = Chord("", named.root, named.intervals, 0.0, 1.0, bass)
            assert parse_chord(chord_name(chord)) == chord
            assert parse_chord(chord_name(chord, flats=True)) == chord


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("C-7/Bb", "Cm7/Bb"), ("A/C#", "A/C#"), ("E/G#", "E/G#"), ("Gm7/C", "Gm7/C"), ("nc", "N.C.")],
)
def test_names_are_spelled_as_musicians_do(symbol: str, name: str) -> None:
    assert chord_name(parse_chord(symbol)) == name


@pytest.mark.parametrize(
    ("text", "beats", "expected"),
    [
        ("Am7 | F | C/G | G7sus4", 4, "Am7:4 F:4 C/G:4 G7sus4:4"),
        ("Am F C G", 4, "Am:4 F:4 C:4 G:4"),
        ("Am, F, C-G", 3, "Am:3 F:3 C:3 G:3"),
        ("| C G | Am |", 4, "C:2 G:2 Am:4"),
        ("| C G | Am |", 3, "C:2 G:1 Am:3"),
        ("||: C F G | % :||", 4, "C:2 F:1 G:1 C:2 F:1 G:1"),
        ("C | Am / / G |", 4, "C:4 Am:3 G:1"),
        ("C | / F", 4, "C:4 C:2 F:2"),
        ("C | N.C. | G", 4, "C:4 N.C.:4 G:4"),
        ("C | G\nAm | F", 2, "C:2 G:2 Am:2 F:2"),
    ],
)
def test_bars(text: str, beats: int, expected: str) -> None:
    chords = parse_chords(text, beats_per_bar=beats)
    found = " ".join(f"{chord_name(c)}:{c.duration:g}" for c in chords)
    assert found == expected
    for before, after in itertools.pairwise(chords):
        assert before.start + before.duration == after.start
    assert parse_chords(chord_line(chords, beats_per_bar=beats), beats_per_bar=beats) == chords


def test_chords_repeat_to_the_length() -> None:
    chords = parse_chords("Am F C", beats_per_bar=4, n_beats=18)
    assert [chord_name(chord) for chord in chords] == ["Am", "F", "C", "Am", "F"]
    assert chords[-1].duration == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Am | Hm7", "chords='Hm7': unknown; nearest: Bm7"),
        ("C/H", "chords='C/H': unknown; nearest: C/B"),
        ("Cmaj8", "chords='Cmaj8': unknown; nearest: Cmaj"),
        ("C | Gsuss4", "chords='Gsuss4': unknown; nearest: Gsus4"),
        ("X7", "chords='X7': unknown; write chords as"),
        (" | | ", "has no chord"),
        ("% | C", "begin with a chord"),
        ("| " + "C " * 17 + "|", "17 in a bar of 4 beats are too many; 16 at most"),
        ("C " * 513, "513 bars are too many"),
    ],
)
def test_what_nobody_knows_is_said(text: str, says: str) -> None:
    with pytest.raises(ParameterError) as error:
        parse_chords(text, beats_per_bar=4)
    assert says in str(error.value)


def test_the_bass_plays_the_note_below_a_slash_chord() -> None:
    chords = parse_chords("C/G | F/A", beats_per_bar=4)
    scale = (0, 2, 4, 5, 7, 9, 11)
    notes = bass_line(
        chords, scale, 0, "X.......X.......", 4, 28, random.Random(1), chromatic=False
    )
    assert [note.pitch % 12 for note in notes if note.start % 4 == 0] == [7, 9]
