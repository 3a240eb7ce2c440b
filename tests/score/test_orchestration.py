"""A user's score in a prompt's style: its notes stay, instruments and balance are the style's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import riffkit
from riffkit.errors import ParameterError
from riffkit.music.midi_score import read_score
from riffkit.score import Mix, Score
from riffkit.score.brief import Brief
from riffkit.score.casting import range_of
from riffkit.score.compose import compose
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.orchestration import arranged, kept_of
from riffkit.score.styles import STYLES


@pytest.fixture
def score() -> Score:
    """As a file would give it: no style, no mix, everything equally loud."""
    brief = Brief(instruments=("piano", "flute", "bass guitar"), drums=True, beats_per_bar=4)
    written = compose(brief, bars=4, seed=5)
    tracks = tuple(replace(track, level_db=-14.0, pan=0.0) for track in written.tracks)
    return Score(replace(written.facts, style=""), tracks, written.chords, Mix())


def test_notes_stay_and_the_sound_is_the_style_s(score: Score):
    made = arranged(score, Brief(style="lo-fi hip hop", moods=("rainy",)), {})
    assert made == arranged(score, Brief(style="lo-fi hip hop", moods=("rainy",)), {})
    for before, after in zip(score.tracks, made.tracks, strict=True):
        assert (after.instrument, after.program, after.notes) == (
            before.instrument,
            before.program,
            before.notes,
        ) or after.is_drums
    assert made.mix == STYLES["lo-fi hip hop"].mix
    assert (made.facts.style, made.facts.mood) == ("lo-fi hip hop", ("rainy",))
    assert made.facts.kit in STYLES["lo-fi hip hop"].kits
    assert made.chords == score.chords
    assert len({track.level_db for track in made.tracks}) > 2


def test_an_instrument_takes_another_s_place_in_its_own_range(score: Score):
    number = next(k for k, t in enumerate(score.tracks, 1) if t.instrument == "flute")
    made = arranged(score, Brief(style="classical"), {number: "cello"})
    before, after = score.tracks[number - 1], made.tracks[number - 1]
    assert (after.instrument, after.program) == ("cello", INSTRUMENTS["cello"].programs[0])
    low, high = range_of("cello", after.role)
    assert all(low <= note.pitch <= high for note in after.notes)
    assert [(n.start, n.pitch % 12) for n in after.notes] == [
        (n.start, n.pitch % 12) for n in before.notes
    ]
    assert made.facts.instruments != score.facts.instruments


def test_what_can_t_be_is_said_with_what_can(score: Score):
    last = len([track for track in score.tracks if not track.is_drums]) + 1
    with pytest.raises(ParameterError, match=f"track=99: the score has tracks 1 to {last}"):
        arranged(score, Brief(), {99: "violin"})
    with pytest.raises(ParameterError, match="did you mean 'violin'"):
        arranged(score, Brief(), {1: "violn"})
    with pytest.raises(ParameterError, match=f"track={last}: is the drums"):
        arranged(score, Brief(), {last: "violin"})


def test_the_metre_and_instruments_that_are_not_taken_are_named(score: Score):
    brief = Brief(style="waltz", beats_per_bar=3, instruments=("violin", "piano"))
    assert arranged(score, brief, {}).facts.beats_per_bar == 4
    metre, missing = kept_of(score, brief)
    assert "3 beats per bar aren't used; the score's 4 are kept" in metre
    assert "violin: not in the score" in missing
    assert not list(kept_of(score, Brief(style="waltz")))


def test_a_file_of_riff_compose_is_the_same_in_its_own_style(tmp_path: Path):
    made = riffkit.compose("funk with slap bass, clavinet and drums", bars=4, seed=3)
    made.save(tmp_path / "funk.mid")
    score = read_score(tmp_path / "funk.mid").score
    again = arranged(score, Brief(), {})
    assert again == score == made.score
    other = arranged(score, Brief(), {1: "organ"})
    assert other.tracks[0].instrument == "organ"
    assert other.tracks[1:] == score.tracks[1:]
