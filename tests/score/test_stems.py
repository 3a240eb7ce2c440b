"""What is painted alone: each player once, under names that users find."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riffkit.errors import ParameterError
from riffkit.score.brief import Brief
from riffkit.score.compose import compose
from riffkit.score.notes import Score
from riffkit.score.stems import chosen, numbers_of, stems_of


@pytest.fixture
def band() -> Score:
    asked = ("upright bass", "piano", "saxophone")
    return compose(Brief(style="jazz swing", instruments=asked, drums=True), bars=2, seed=4)


def test_every_note_is_in_one_stem(band: Score) -> None:
    stems = stems_of(band)
    numbers = [number for stem in stems for number in stem.numbers]
    assert sorted(numbers) == list(range(1, len(band.tracks) + 1))
    n_notes = sum(len(track.notes) for track in band.tracks)
    assert sum(len(stem.track.notes) for stem in stems) == n_notes
    assert len({stem.name for stem in stems}) == len(stems)


def test_drums_are_one_player_and_come_last(band: Score) -> None:
    stems = stems_of(band)
    assert [stem.name for stem in stems][-1] == "drums"
    assert [stem.is_drums for stem in stems].count(True) == 1
    assert stems[-1].track.level_db == max(t.level_db for t in band.tracks if t.is_drums)


def test_both_hands_of_a_piano_are_one_player() -> None:
    solo = compose(Brief(style="ballad", instruments=("piano",), figure="melody"), bars=2, seed=1)
    assert len(solo.tracks) == 2
    (stem,) = stems_of(solo)
    assert stem.numbers == (1, 2)
    assert [note.start for note in stem.track.notes] == sorted(n.start for n in stem.track.notes)


def test_two_of_one_instrument_stay_apart(band: Score) -> None:
    violin = replace(band.tracks[0], instrument="violin", program=40)
    others = (replace(violin, role="lead"), replace(violin, role="comp"), replace(violin, notes=()))
    stems = stems_of(replace(band, tracks=others))
    assert [(stem.name, stem.numbers) for stem in stems] == [("violin", (1,)), ("violin 2", (2,))]
    (second,) = chosen(stems, solo=["2"])
    assert second.name == "violin 2"


def test_a_name_of_several_is_all_or_asked_back(band: Score) -> None:
    one = band.tracks[0]
    guitars = [replace(one, instrument=f"{kind} guitar") for kind in ("acoustic", "electric")]
    stems = stems_of(replace(band, tracks=(*guitars, replace(one, instrument="piano"))))
    names = [stem.name for stem in chosen(stems, solo=["guitar"])]
    assert names == ["acoustic guitar", "electric guitar"]
    with pytest.raises(ParameterError, match="'acoustic guitar' and 'electric guitar'; say which"):
        numbers_of("guitar", stems, option="replace")


def test_words_say_who_plays_what(band: Score) -> None:
    words = {stem.name: stem.words for stem in stems_of(band)}
    assert words["upright bass"].startswith("solo upright bass, jazz swing")
    assert words["drums"].startswith("drums only, jazz swing")


def test_solo_and_mute_take_names_roles_and_numbers(band: Score) -> None:
    stems = stems_of(band)
    assert [stem.name for stem in chosen(stems, solo=["bass"])] == ["upright bass"]
    assert [stem.name for stem in chosen(stems, solo=["Saxophone"])] == ["saxophone"]
    assert "drums" not in [stem.name for stem in chosen(stems, mute=["drums"])]
    number = str(stems[0].numbers[0])
    assert chosen(stems, solo=[number]) == stems[:1]
    assert numbers_of("drums", stems, option="replace") == stems[-1].numbers


def test_names_that_nobody_has_are_said(band: Score) -> None:
    stems = stems_of(band)
    with pytest.raises(ParameterError, match="solo: 'uprigt bass' is unknown; did you mean"):
        chosen(stems, solo=["uprigt bass"])
    with pytest.raises(ParameterError, match="no track is left"):
        chosen(stems, solo=["bass"], mute=["bass"])
