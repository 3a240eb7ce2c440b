"""What a user brings is played as it is, and the others play with it."""

from __future__ import annotations

import statistics

import pytest

from riffkit.errors import ParameterError
from riffkit.score import Note, Score, Track
from riffkit.score.brief import Brief
from riffkit.score.casting import range_of
from riffkit.score.chord_symbols import chord_name
from riffkit.score.chords import parse_chords
from riffkit.score.compose import compose
from riffkit.score.harmony import chord_at
from riffkit.score.styles import STYLES
from tests.score.test_compose import check_notes, pitched
from tests.score.tunes import TUNES

TEXT = "Am7 | F | C/G | G7sus4"
ODD_ROCK = (  # a kick on each beat, a snare late, and a pitch that no groove of ours has
    *(Note(float(beat), 0.25, 36, 100) for beat in range(8)),
    Note(1.02, 0.1, 38, 77),
    Note(5.5, 0.1, 81, 50),
)


def lead_of(score: Score) -> Track:
    (lead,) = (track for track in score.tracks if track.role == "lead")
    return lead


def names(score: Score) -> list[str]:
    return [chord_name(chord) for chord in score.chords]


@pytest.mark.parametrize("style", STYLES)
def test_all_play_over_the_chords_that_are_given(style: str):
    for seed, (text, metre) in enumerate(((TEXT, 4), ("Dm Bb | C A7", 4), ("Em | C D", 3))):
        chords = parse_chords(text, beats_per_bar=metre)
        brief = Brief(style=style, chords=chords, beats_per_bar=metre)
        score = compose(brief, bars=8, seed=seed)
        check_notes(score)
        assert names(score)[: len(chords)] == [chord_name(chord) for chord in chords]
        assert sum(chord.duration for chord in score.chords) == score.n_beats
        for track in pitched(score):
            if track.role in ("comp", "pad", "arp"):
                for note in track.notes:
                    chord = chord_at(score.chords, note.start + 1e-6)
                    assert note.pitch % 12 in chord.pitch_classes, (track.instrument, note)


def test_slash_chords_sound_in_the_bass():
    chords = parse_chords(TEXT, beats_per_bar=4)
    for seed in range(10):
        score = compose(
            Brief(style="pop", instruments=("piano", "bass guitar"), chords=chords),
            bars=4,
            seed=seed,
        )
        (bass,) = (track for track in score.tracks if track.role == "bass")
        first = [next(n for n in bass.notes if n.start >= 4 * bar).pitch % 12 for bar in range(4)]
        assert first == [9, 5, 7, 7]


def test_silence_is_silent_but_for_the_drums():
    chords = parse_chords("Am | N.C. | F | G", beats_per_bar=4)
    for seed in range(10):
        score = compose(Brief(style="rock", chords=chords, density="dense"), bars=4, seed=seed)
        assert [chord.intervals == () for chord in score.chords] == [False, True, False, False]
        for track in pitched(score):
            assert not [n for n in track.notes if n.start < 8 and n.start + n.duration > 4 + 1e-6]
        assert any(4 <= n.start < 8 for t in score.tracks if t.is_drums for n in t.notes)


def test_only_silence_is_refused():
    with pytest.raises(ParameterError, match="chords: all are silent"):
        Brief(chords=parse_chords("N.C.", beats_per_bar=4))


def test_the_key_is_that_of_the_chords_unless_it_is_asked_for():
    chords = parse_chords(TEXT, beats_per_bar=4)
    facts = compose(Brief(style="pop", chords=chords), seed=3).facts
    assert (facts.key, facts.mode) == ("A", "minor")
    facts = compose(Brief(style="pop", chords=chords, tonic=0, mode="major"), seed=3).facts
    assert (facts.key, facts.mode) == ("C", "major")


@pytest.mark.parametrize("metre", [2, 3, 5, 7, 8])
def test_given_chords_in_odd_metres(metre: int):
    text = "Am C | F | Dm E7 | Am G F" if metre > 2 else "Am C | F | Dm E7 | Am"
    chords = parse_chords(text, beats_per_bar=metre)
    for seed, style in enumerate(STYLES):
        score = compose(Brief(style=style, chords=chords, beats_per_bar=metre), bars=5, seed=seed)
        check_notes(score)
        held = [
            note.pitch % 12 in chord_at(score.chords, note.start + 1e-6).pitch_classes
            for track in pitched(score)
            if track.role in ("comp", "pad", "arp")
            for note in track.notes
        ]
        assert all(held)


@pytest.mark.parametrize("name", TUNES)
def test_a_melody_leads_as_it_is_over_harmony(name: str):
    tune = TUNES[name]
    bars = tune.n_beats // tune.beats_per_bar
    for seed, style in enumerate(("pop", "jazz swing", "techno", "chorale", "waltz")):
        brief = Brief(style=style, beats_per_bar=tune.beats_per_bar)
        score = compose(brief, bars=bars, seed=seed, melody=tune.notes)
        lead = lead_of(score)
        assert [(n.start, n.duration, n.velocity) for n in lead.notes] == [
            (n.start, n.duration, n.velocity) for n in tune.notes
        ]
        assert len({a.pitch - b.pitch for a, b in zip(lead.notes, tune.notes, strict=True)}) == 1
        assert (lead.notes[0].pitch - tune.notes[0].pitch) % 12 == 0
        low, high = range_of(lead.instrument, "lead")
        assert all(low <= note.pitch <= high for note in lead.notes)
        assert score.chords[-1].root == tune.key[0]
        strong = [n for n in lead.notes if n.start % tune.beats_per_bar == 0]
        assert (
            statistics.mean(
                n.pitch % 12 in chord_at(score.chords, n.start + 1e-6).pitch_classes for n in strong
            )
            >= 0.8
        )
        assert len(pitched(score)) > 1


def test_the_others_hardly_rub_on_a_melody():
    """Where it begins a note, hardly anybody holds one a semitone away, sevenths or not."""
    rubs = []
    for seed, style in enumerate(("jazz swing", "bossa nova", "lo-fi hip hop", "ambient", "pop")):
        for tune in TUNES.values():
            brief = Brief(style=style, beats_per_bar=tune.beats_per_bar)
            bars = tune.n_beats // tune.beats_per_bar
            score = compose(brief, bars=bars, seed=seed, melody=tune.notes)
            others = [n for t in pitched(score) if t.role != "lead" for n in t.notes]
            for note in lead_of(score).notes:
                at = note.start + 0.01
                rubs += [
                    any(
                        (other.pitch - note.pitch) % 12 in (1, 11)
                        for other in others
                        if other.start < at < other.start + other.duration
                    )
                ]
    assert statistics.mean(rubs) < 0.08


@pytest.mark.parametrize("style", STYLES)
def test_a_melody_s_chords_are_heard(style: str):
    tune = TUNES["Ode to Joy"]
    for seed, players in enumerate((None, None, None, 2, 3, 4)):
        brief = Brief(style=style, beats_per_bar=4, players=players, density="sparse")
        score = compose(brief, bars=8, seed=seed, melody=tune.notes)
        roles = {track.role for track in score.tracks}
        assert "lead" in roles
        assert roles & {"comp", "pad", "arp"} or (players == 2 and score.facts.drums)


def test_a_melody_in_range_isn_t_moved_and_is_repeated_or_cut():
    tune = TUNES["Ode to Joy"]
    brief = Brief(style="pop", instruments=("piano", "electric guitar"), beats_per_bar=4)
    long = lead_of(compose(brief, bars=20, seed=1, melody=tune.notes)).notes
    if lead_of(compose(brief, bars=20, seed=1, melody=tune.notes)).instrument == "piano":
        assert long[: len(tune.notes)] == tune.notes
    assert [n.start - 64 for n in long if n.start >= 64] == [
        n.start for n in tune.notes if n.start < 16
    ]
    short = compose(brief, bars=2, seed=1, melody=tune.notes)
    assert len(lead_of(short).notes) == len([n for n in tune.notes if n.start < 8])
    assert short.chords[-1].root == 0  # the end of what is played is home


def test_a_melody_outside_every_range_is_refused():
    notes = tuple(Note(float(k), 1.0, 5, 90) for k in range(8))
    with pytest.raises(ParameterError, match="outside every instrument's range"):
        compose(Brief(), bars=2, melody=notes)


def test_drums_alone_have_nobody_for_a_melody():
    with pytest.raises(ParameterError, match="drums alone can't play it"):
        compose(Brief(only_drums=True), bars=2, melody=TUNES["Ode to Joy"].notes)


def test_the_instruments_that_are_named_are_all_that_play_a_melody():
    for names in (("violin",), ("bass guitar",), ("synth pad", "bass guitar"), ("piano",)):
        score = compose(Brief(instruments=names), bars=4, seed=2, melody=TUNES["Ode to Joy"].notes)
        assert sorted(score.facts.instruments) == sorted(names)
        lead_of(score)


def test_given_drums_are_played_as_they_are_round_and_round():
    for bars in (1, 2, 7):
        score = compose(Brief(style="rock"), bars=bars, seed=1, drums=ODD_ROCK)
        played = sorted(
            (note for track in score.tracks if track.is_drums for note in track.notes),
            key=lambda note: (note.start, note.pitch),
        )
        wanted = [
            (note.start + 8 * time, note.pitch, note.velocity)
            for time in range(4)
            for note in sorted(ODD_ROCK, key=lambda note: (note.start, note.pitch))
            if note.start + 8 * time < 4 * bars
        ]
        assert [(n.start, n.pitch, n.velocity) for n in played] == wanted
        assert pitched(score)


def test_nobody_swings_beside_a_straight_melody():
    straight = tuple(Note(k / 2, 0.5, 60 + k % 5, 90) for k in range(32))
    brief = Brief(style="jazz swing", instruments=("piano", "saxophone"), beats_per_bar=4)

    def has_swing(score: Score) -> bool:
        return any(abs(n.start % 1 - 2 / 3) < 0.01 for t in score.tracks for n in t.notes)

    assert any(has_swing(compose(brief, bars=4, seed=seed)) for seed in range(4))
    assert not any(has_swing(compose(brief, bars=4, seed=s, melody=straight)) for s in range(4))
