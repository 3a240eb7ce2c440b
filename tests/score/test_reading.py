"""Words become what they mean: every style, instrument, density and figure in its own words."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from riffkit.errors import ParameterError
from riffkit.score.brief import MAX_INSTRUMENTS, Brief
from riffkit.score.caption_words import DENSITY_WORDS
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.reading import means_drums, meant_by, read_brief, read_words
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


@pytest.mark.parametrize(
    ("text", "style", "instruments", "drums"),
    [
        ("jazz trio", "jazz swing", ("piano", "upright bass"), True),
        ("string quartet", "classical", ("violin", "viola", "cello"), False),
        ("power trio", "rock", ("distorted guitar", "bass guitar"), True),
        ("wurli, p-bass and rimshots", None, ("electric piano", "bass guitar"), True),
        ("TB-303 and TR-909", "techno", ("synth bass",), True),
        ("dubstep with a reese", "drum and bass", ("synth bass",), True),
        ("folk rock with a tele", "rock", ("electric guitar",), False),
        ("blues with harp", "blues", ("harmonica",), False),
        ("harp", None, ("harp",), False),
        ("house with rhodes", "house", ("electric piano",), True),
        ("house, only rhodes", "house", ("electric piano",), False),
        ("house, rhodes, nothing else", "house", ("electric piano",), False),
        ("funk bassline", "funk", ("slap bass",), False),
        ("guitars: acoustic guitar", None, ("acoustic guitar",), False),
        ("orchestra, no percussion", "orchestral", (), False),
        ("vibes and upright bass", None, ("vibraphone", "upright bass"), False),
        ("beach vibes", None, (), None),
        ("my organ donor card, heart beats, a bass drop", None, (), None),
    ],
)
def test_what_people_write(
    text: str, style: str | None, instruments: tuple[str, ...], drums: bool | None
):
    brief = read_brief(text)
    assert (brief.style, brief.instruments, brief.drums) == (style, instruments, drums)


def test_how_many_play():
    assert read_brief("trio with a flute").players == 3
    assert read_brief("duo for flute and harp").players is None
    over = read_brief("violin over a bossa nova")
    assert (over.instruments, over.drums, over.players) == (("violin",), True, 4)
    assert read_brief("violin over piano").players is None


def test_a_genre_of_its_own_has_its_tempo_and_a_note():
    reading = read_words("dubstep with ukulele")
    assert (reading.brief.style, reading.usual_bpm) == ("drum and bass", 140)
    assert list(reading.notes) == [
        "'dubstep' is played as drum and bass, the nearest there is",
        "'ukulele' is played as acoustic guitar, the nearest there is",
    ]
    assert read_words("deep house, dubstep 140").bpm == 140
    assert read_words("juno 106 pads").bpm is None


class _Meanings:
    def is_word(self, word: str) -> bool:
        return word == "tombstone"

    def nearest(self, word: str, among: Collection[str]) -> str | None:
        assert "somber" in among and "house" not in among
        return "somber"


def test_words_that_are_not_known_are_put_right():
    reading = read_words("tombstone pianno", doubtful=("tombstone", "pianno"), meanings=_Meanings())
    assert (reading.brief.instruments, reading.brief.moods) == (("piano",), ("somber",))
    assert (reading.respelled, reading.alike) == (
        (("pianno", "piano"),),
        (("tombstone", "somber"),),
    )
    assert reading.understands("tombstone") and not reading.understands("wibble")
    assert read_words("tombstone pianno").brief == Brief()


def test_unknown_words_ask_for_nothing():
    assert read_brief("wibble wobble") == read_brief("") == Brief()


def test_a_general_word_excludes_all_it_may_mean():
    guitars = {name for name in INSTRUMENTS if name.endswith("guitar")} - {"bass guitar"}
    assert meant_by("guitars") == meant_by("guitar") == guitars
    assert meant_by("bass") == {name for name in INSTRUMENTS if "bass" in name}
    assert meant_by("violin") == {"violin"}
    assert means_drums("hi-hats") and means_drums("kick") and not means_drums("steel drums")


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
