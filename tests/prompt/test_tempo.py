"""The tempo that a prompt asks for."""

from __future__ import annotations

import pytest

from riffkit.prompt.prompt import choose_bpm as choose
from riffkit.prompt.prompt import read_prompt
from riffkit.prompt.tempo import named_bpm, with_tempo
from riffkit.prompt.traits import ModelTraits

TRAITS = ModelTraits(
    names_tempo=True,
    default_bpm=100.0,
    style_bpm={"house": 124.0, "deep house": 120.0, "drum and bass": 174.0, "waltz": 90.0},
)


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("techno, 133 bpm", 133.0),
        ("slow piano at 72.5 BPM", 72.5),
        ("a 90-bpm groove", 90.0),
        ("120bpm", 120.0),
        ("techno, 127,5 bpm", 127.5),
        ("piano,84 bpm", 84.0),
        ("piano", None),
        ("808 drums", None),
        ("999 bpm gabber", None),
        ("recorded in 1998 bpm", None),
    ],
)
def test_a_named_tempo_is_read(prompt: str, bpm: float | None) -> None:
    assert named_bpm(prompt) == bpm


def choose_bpm(prompt: str, traits: ModelTraits, *, bpm: float | None = None) -> float:
    return choose(read_prompt(prompt, traits), traits, bpm=bpm)


def test_option_then_prompt_then_style_then_model() -> None:
    assert choose_bpm("house, 130 bpm", TRAITS, bpm=99.0) == 99.0
    assert choose_bpm("house, 130 bpm", TRAITS) == 130.0
    assert choose_bpm("warm deep house with piano", TRAITS) == 120.0
    assert choose_bpm("Drum & Bass!", TRAITS) == 174.0
    assert choose_bpm("my houseplant", TRAITS) == 100.0


def test_the_model_is_told_the_tempo_once() -> None:
    assert with_tempo("piano", 84.0, TRAITS) == "piano, 84 bpm"
    assert with_tempo("piano, 80 bpm", 84.0, TRAITS) == "piano, 80 bpm"
    assert with_tempo("piano", 84.0, ModelTraits()) == "piano"
