"""What the page knows of chords, keys and scores is what the library says (web/test/notes.json)."""

import json
from pathlib import Path

import pytest

from riffkit.prompt.key import parse_key
from riffkit.score.chord_symbols import parse_chord
from riffkit.score.chords import chord_line, parse_chords
from riffkit.score.general_midi import drum_section_of
from riffkit.score.notes import Score

KNOWN = json.loads((Path(__file__).parents[2] / "web/test/notes.json").read_text())


@pytest.mark.parametrize("symbol", KNOWN["chords"])
def test_a_chord_has_the_tones_that_the_page_reads(symbol: str) -> None:
    chord = parse_chord(symbol)
    assert [chord.root, list(chord.intervals), chord.bass] == KNOWN["chords"][symbol]


@pytest.mark.parametrize(("line", "beats", "places"), KNOWN["lines"])
def test_chords_begin_where_the_page_places_them(line: str, beats: int, places: list) -> None:
    chords = parse_chords(line, beats_per_bar=beats)
    assert [[c.root, c.start, c.duration] for c in chords] == places


@pytest.mark.parametrize("text", KNOWN["keys"])
def test_a_key_is_read_as_on_the_page(text: str) -> None:
    name = text if " " in text else f"{text[:-1]} minor" if text[-1] == "m" else f"{text} major"
    key = parse_key(name)
    assert [key.tonic, key.mode] == KNOWN["keys"][text]


@pytest.mark.parametrize(("pitch", "section"), KNOWN["sections"].items())
def test_a_drum_belongs_to_the_part_of_the_kit_that_the_page_shows(
    pitch: str, section: str
) -> None:
    assert drum_section_of(int(pitch)) == section


def test_the_score_that_the_page_edits_is_one_of_this_version() -> None:
    score = Score.from_dict(KNOWN["score"])
    assert score.to_dict() == KNOWN["score"]
    assert chord_line(score.chords, beats_per_bar=score.facts.beats_per_bar) == KNOWN["line"]
