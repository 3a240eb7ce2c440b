"""Words become what they mean: every style, instrument, density and figure in its own words."""

from __future__ import annotations

import pytest

from riffkit.errors import ParameterError
from riffkit.score.brief import MAX_INSTRUMENTS, Brief
from riffkit.score.caption_words import DENSITY_WORDS
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.reading import meant_by, read_brief
from riffkit.score.styles import STYLES


def test_each_style_and_each_instrument_in_its_own_word():
    for style in STYLES:
        assert read_brief(style) == Brief(style=style)
    for name in INSTRUMENTS:
        assert read_brief(name) == Brief(instruments=(name,), drums=False)
        with_drums = read_brief(f"{name}, drums")
        assert (with_drums.instruments, with_drums.drums) == ((name,), True)


def test_each_style_with_each_of_its_instruments():
    for style, info in STYLES.items():
        for name in (*info.bass, *info.chords, *info.leads):
            brief = read_brief(f"{style} with {name} and drums")
            assert (brief.style, brief.instruments, brief.drums) == (style, (name,), True)


@pytest.mark.parametrize(
    ("text", "instruments"),
    [
        ("rock with a guitar", ("distorted guitar",)),
        ("folk with guitar", ("acoustic guitar",)),
        ("guitar", ("electric guitar",)),
        ("jazz swing with bass", ("upright bass",)),
        ("funk with bass", ("slap bass",)),
        ("violins and a rhodes", ("violin", "electric piano")),
        ("bass guitar and slap bass", ("bass guitar", "slap bass")),
    ],
)
def test_a_general_word_is_the_style_s_own(text: str, instruments: tuple[str, ...]):
    assert read_brief(text).instruments == instruments


@pytest.mark.parametrize(
    ("text", "drums", "only"),
    [
        ("drums only", True, True),
        ("techno drum loop", True, True),
        ("a drummer", True, True),
        ("drum up support", None, False),
        ("drums", True, True),
        ("piano, no drums", False, False),
        ("steel drums", False, False),
        ("drum and bass", None, False),
        ("techno", None, False),
    ],
)
def test_drums_are_heard_where_they_are_asked_for(text: str, drums: bool | None, only: bool):
    brief = read_brief(text)
    assert (brief.drums, brief.only_drums) == (drums, only)


def test_density_mood_and_figure():
    for density, words in DENSITY_WORDS.items():
        assert all(read_brief(f"{word} piano").density == density for word in words)
    assert read_brief("sad techno, dark").moods == ("sad", "dark")
    assert read_brief("piano arpeggios").figure == "arpeggio"
    assert read_brief("guitar riff").figure == "riff"


def test_unknown_words_ask_for_nothing():
    assert read_brief("wibble wobble") == read_brief("") == Brief()


def test_a_general_word_excludes_all_it_may_mean():
    guitars = {name for name in INSTRUMENTS if name.endswith("guitar")} - {"bass guitar"}
    assert meant_by("guitars") == meant_by("guitar") == guitars
    assert meant_by("bass") == {name for name in INSTRUMENTS if "bass" in name}
    assert meant_by("violin") == {"violin"}


def test_a_brief_takes_only_what_there_is():
    for wrong in (
        {"style": "polka"},
        {"mode": "happy"},
        {"density": "full"},
        {"figure": "solo"},
        {"instruments": ("kazoo",)},
        {"instruments": tuple(INSTRUMENTS)[: MAX_INSTRUMENTS + 1]},
        {"tonic": 12},
        {"beats_per_bar": 1},
        {"beats_per_bar": 13},
        {"bpm": 401.0},
    ):
        with pytest.raises(ParameterError):
            Brief(**wrong)  # type: ignore[arg-type]
