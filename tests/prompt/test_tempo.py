"""The tempo that a prompt asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riffkit.prompt.prompt import choose_bpm as choose
from riffkit.prompt.prompt import read_prompt
from riffkit.prompt.tempo import named_bpm, said_bpm, with_tempo
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


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("techno, 133 bpm", 133.0),
        ("100-110 bpm funk", 105.0),
        ("bpm: 120", 120.0),
        ("tempo around 95, rhodes", 95.0),
        ("90 beats per minute", 90.0),
        ("house, 128", 128.0),
        ("jungle @165", 165.0),
        ("piano, 808, 3/4", None),
        ("summer of 69", None),
        ("recorded in 1998", None),
        ("4 bars of drums", None),
    ],
)
def test_a_tempo_may_be_said_in_other_words(prompt: str, bpm: float | None) -> None:
    assert said_bpm(prompt) == bpm


def choose_bpm(prompt: str, traits: ModelTraits, *, bpm: float | None = None) -> float:
    return choose(read_prompt(prompt, traits), traits, bpm=bpm)


def test_option_then_prompt_then_style_then_model() -> None:
    assert choose_bpm("house, 130 bpm", TRAITS, bpm=99.0) == 99.0
    assert choose_bpm("house, 130 bpm", TRAITS) == 130.0
    assert choose_bpm("warm deep house with piano", TRAITS) == 120.0
    assert choose_bpm("Drum & Bass!", TRAITS) == 174.0
    assert choose_bpm("my houseplant", TRAITS) == 100.0


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("slow house", 87.0),  # 124 · 0.7, in whole beats
        ("house, fast", 161.0),
        ("up-tempo house", 161.0),
        ("slowly, piano", 70.0),
        ("a brisk piano", 130.0),
        ("fast house, 130 bpm", 130.0),
        ("slow ballad", 66.0),  # a style of its own
        ("downtempo", 90.0),
        ("house pad with a slow attack", 124.0),
        ("house with fast piano arpeggios", 124.0),
        ("house with slow strings, fast drums", 124.0),  # one or the other
        ("slowly evolving house", 124.0),
        ("slowdive", 100.0),
    ],
)
def test_slow_and_fast_are_of_the_usual_tempo(prompt: str, bpm: float) -> None:
    styles = {**TRAITS.style_bpm, "slow ballad": 66.0, "downtempo": 90.0}
    for english in (False, True):
        traits = replace(TRAITS, style_bpm=styles, english=english)
        assert choose_bpm(prompt, traits) == bpm
    assert choose_bpm(prompt, TRAITS, bpm=99.0) == 99.0


@pytest.mark.parametrize(
    ("slow", "fast"),
    [
        ("langsames Klavier", "schnelles Klavier"),
        ("piano lent", "piano rapide"),
        ("guitarra, lento", "guitarra rápida"),
        ("повільне піаніно", "швидке піаніно"),
        ("медленное пианино", "быстрое пианино"),
        ("慢钢琴", "快的钢琴"),
    ],
)
def test_slow_and_fast_in_other_languages(slow: str, fast: str) -> None:
    traits = replace(TRAITS, english=True)
    assert (choose_bpm(slow, traits), choose_bpm(fast, traits)) == (70.0, 130.0)


def test_speed_stays_within_the_range_of_tempi() -> None:
    assert choose_bpm("slow", ModelTraits(default_bpm=25.0)) == 20.0
    assert choose_bpm("fast", ModelTraits(default_bpm=390.0)) == 400.0


def test_other_words_for_slow_and_fast_are_read_as_those() -> None:
    traits = replace(TRAITS, english=True)
    assert read_prompt("house, adagio", traits).text == "house, slow"
    assert read_prompt("fast-paced house", traits).text == "fast house"
    moderate = read_prompt("house, not too fast", traits)
    assert (moderate.text, moderate.speed, moderate.unwanted) == ("house, moderate", 1.0, ())


def test_the_model_is_told_the_tempo_once() -> None:
    assert with_tempo("piano", 84.0, TRAITS) == "piano, 84 bpm"
    assert with_tempo("piano, 80 bpm", 84.0, TRAITS) == "piano, 80 bpm"
    assert with_tempo("piano", 84.0, ModelTraits()) == "piano"
