"""Chords for melodies that everybody knows, and the keys that melodies and chords are in."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

import pytest

from riffkit.score import Note, bach
from riffkit.score.chords import parse_chords
from riffkit.score.harmonize import harmonize
from riffkit.score.harmony import Chord, chord_at, parse_numeral
from riffkit.score.keys import key_of_chords, key_of_notes
from riffkit.score.song import groups_of
from riffkit.score.styles import STYLES
from tests.score.tunes import TUNES, Tune

STYLE_NAMES = ("pop", "folk", "classical", "jazz swing", "ballad")
PLAIN = {"major": "I IV V I", "minor": "i iv V i", "dorian": "i IV i bVII"}


def found_for(tune: Tune, style: str = "folk", shift: int = 0) -> tuple[Chord, ...]:
    tonic, mode = tune.key
    return harmonize(
        [replace(note, pitch=note.pitch + shift) for note in tune.notes],
        tonic=(tonic + shift) % 12,
        mode=mode,
        n_beats=tune.n_beats,
        groups=groups_of(tune.beats_per_bar),
        progressions=STYLES[style].modes.get(mode, (PLAIN[mode],)),
    )


def share_held(tune: Tune, chords: tuple[Chord, ...]) -> float:
    """Of the notes on strong beats, how many are the chord's: in 4/4 the third is one."""
    strong = 2 if tune.beats_per_bar == 4 else tune.beats_per_bar
    return statistics.mean(
        note.pitch % 12 in chord_at(chords, note.start + 1e-6).pitch_classes
        for note in tune.notes
        if note.start % strong == 0
    )


def always_the_same(tune: Tune) -> tuple[Chord, ...]:
    """Four chords, a bar each, over and over."""
    tonic, mode = tune.key
    loop = ("I", "V", "vi", "IV") if mode == "major" else ("i", "bVI", "bIII", "bVII")
    beats = tune.beats_per_bar
    return tuple(
        Chord("", *parse_numeral(loop[bar % 4], tonic), float(bar * beats), float(beats))
        for bar in range(tune.n_beats // beats)
    )


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("style", STYLE_NAMES)
def test_strong_beats_are_held_and_the_end_is_home(name: str, style: str):
    tune = TUNES[name]
    chords = found_for(tune, style)
    assert share_held(tune, chords) >= 0.8
    assert chords[-1].root == tune.key[0]
    ends = [chord.start + chord.duration for chord in chords]
    assert [chord.start for chord in chords[1:]] == ends[:-1]
    assert ends[-1] == tune.n_beats


def test_they_beat_four_chords_that_always_go_round():
    found = [share_held(tune, found_for(tune)) for tune in TUNES.values()]
    loops = [share_held(tune, always_the_same(tune)) for tune in TUNES.values()]
    assert statistics.mean(found) > 0.93
    assert statistics.mean(found) > statistics.mean(loops) + 0.35


def test_wrong_keys_and_shuffled_chords_hold_less():
    rng = random.Random(1)
    for tune in TUNES.values():
        chords = found_for(tune)
        sounds = [(chord.root, chord.intervals) for chord in chords]
        rng.shuffle(sounds)
        mixed = tuple(
            replace(chord, root=root, intervals=intervals)
            for chord, (root, intervals) in zip(chords, sounds, strict=True)
        )
        if len(set(sounds)) > 2:
            assert share_held(tune, mixed) < share_held(tune, chords)


def test_a_tune_that_is_transposed_has_its_chords_transposed():
    for tune in TUNES.values():
        here, there = found_for(tune), found_for(tune, shift=3)
        assert [(c.numeral, c.start) for c in here] == [(c.numeral, c.start) for c in there]


def test_the_ode_has_the_chords_that_it_is_sung_to():
    """I in bars 1, 3 and 5, V at the half close, V I at the end."""
    tune = TUNES["Ode to Joy"]
    chords = found_for(tune, "classical")
    for bar in (0, 2, 4, 6):
        assert chord_at(chords, bar * 4.0).root == 0
    assert chord_at(chords, 14.0).root == 7
    assert [chord.root for chord in chords[-2:]] == [7, 0]


@pytest.mark.parametrize("name", TUNES)
def test_the_key_of_a_tune(name: str):
    assert key_of_notes(TUNES[name].notes) == TUNES[name].key


def test_the_keys_of_bach_s_melodies():
    """Of what the upper voices sing of each chorale, in C as the collection has them."""
    found = {}
    for mode in bach.MODES:
        tunes: dict[str, list[Note]] = {}
        for name, voices in bach._phrases()[mode]:
            tune = tunes.setdefault(name, [])
            begin = 8.0 * len(tune)
            tune += [replace(n, start=begin + n.start) for n in bach._notes(voices[0], 0, [90] * 8)]
        found[mode] = statistics.mean(key_of_notes(of) == (0, mode) for of in tunes.values())
    assert found["major"] > 0.85
    assert found["minor"] > 0.7


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Am F C G", (9, "minor")),
        ("C G Am F", (0, "major")),
        ("Dm7 G7 Cmaj7", (0, "major")),
        ("Dm7 G7", (2, "dorian")),
        ("D C G D", (2, "mixolydian")),
        ("E7 A7 B7", (4, "blues")),
        ("Bm7b5 E7 Am", (9, "minor")),
        ("F#m D A E", (6, "minor")),
        ("Em F", (4, "phrygian")),
        ("N.C. | G D Em C", (7, "major")),
    ],
)
def test_the_key_of_chords(text: str, key: tuple[int, str]):
    chords = parse_chords(text, beats_per_bar=4)
    assert key_of_chords(chords) == key
    higher = [replace(chord, root=(chord.root + 5) % 12) for chord in chords]
    assert key_of_chords(higher) == ((key[0] + 5) % 12, key[1])
    assert key_of_chords(chords, tonic=3)[0] == 3
    assert key_of_chords(chords, mode="minor")[1] == "minor"
