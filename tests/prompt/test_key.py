"""The key that a prompt asks for, and how few painted tonics serve for all twelve."""

from __future__ import annotations

from typing import Any

import pytest

from riffkit.errors import ParameterError
from riffkit.limits import MAJOR_KEYS, MINOR_KEYS
from riffkit.prompt.key import (
    MusicalKey,
    named_key,
    named_mode,
    parse_key,
    semitones_to_key,
    with_key,
)
from riffkit.prompt.prompt import choose_key as choose
from riffkit.prompt.prompt import read_prompt
from riffkit.prompt.traits import ModelTraits

TRAITS = ModelTraits(
    native_tonics=["D", "Ab"],
    style_modes={"techno": ["minor", "phrygian"], "folk": ["major", "dorian"]},
    minor_words=["sad"],
    major_words=["happy"],
    unpitched_words=["drums only"],
)


def choose_key(prompt: str, traits: ModelTraits, **options: Any) -> MusicalKey | None:
    return choose(read_prompt(prompt, traits), traits, **options)


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("piano in A minor", "A minor"),
        ("lo-fi, a minor, 84 bpm", "A minor"),
        ("lo-fi in a minor at 84 bpm", "A minor"),
        ("something in a minor key", None),
        ("a minor mood", None),
        ("it was a major hit in E flat major", "Eb major"),
        ("Bb dorian jazz", "Bb dorian"),
        ("B♭ minor", "Bb minor"),
        ("c sharp minor ballad", "C# minor"),
        ("techno, F#m", "F# minor"),
        ("blues in A with harmonica", "A"),
        ("blues in A flat", "Ab"),
        ("funk, key of G", "G"),
        ("slide guitar in open D, slow", "D"),
        ("riff in f#m", "F# minor"),
        ("soul ballad, brushes, Db", "Db"),
        ("vitamin C, please", None),
        ("Plan B", None),
        ("jazz in D-moll", "D minor"),
        ("Made in Germany", None),
        ("in D&B style", None),
        ("I am a minor", None),
        ("808 bass", None),
        ("cabin minor", None),
    ],
)
def test_a_named_key_is_read(prompt: str, key: str | None) -> None:
    found = named_key(prompt)
    assert (None if found is None else found.name) == key


def test_a_mode_may_be_named_alone() -> None:
    assert named_mode("oud, Phrygian") == named_mode("in E phrygian") == "phrygian"
    assert named_mode("a minor thing") is None


@pytest.mark.parametrize(
    "name", [f"{t} major" for t in MAJOR_KEYS] + [f"{t} minor" for t in MINOR_KEYS]
)
def test_names_are_read_as_they_are_written(name: str) -> None:
    assert parse_key(name).name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("H moll", "B minor"),
        ("fis-Moll", "F# minor"),
        ("B-Dur", "Bb major"),
        ("si mineur", "B minor"),
        ("ля минор", "A minor"),
    ],
)
def test_names_in_other_languages_are_read(text: str, name: str) -> None:
    assert parse_key(text).name == name


@pytest.mark.parametrize("text", ["", "H minor", "A", "minor", "A minor please", "A thing"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"such as '[AB] minor'"):
        parse_key(text)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("A minr", "A minor"),
        ("Dorian E", "E dorian"),
        ("F# mjor", "F# major"),
        ("B flat min0r", "Bb minor"),
        ("H minor", "B minor"),
    ],
)
def test_the_nearest_key_is_named(text: str, near: str) -> None:
    with pytest.raises(ParameterError, match=f"such as '{near}'"):
        parse_key(text)


def test_every_key_is_near_one_that_the_model_paints() -> None:
    for name in (f"{tonic} minor" for tonic in MINOR_KEYS):
        key = parse_key(name)
        semitones = semitones_to_key(key, TRAITS)
        assert abs(semitones) <= 3
        painted = parse_key(with_key("piano", key, TRAITS).removeprefix("piano, "))
        assert painted.name in ("D minor", "G# minor")
        assert (painted.tonic + semitones) % 12 == key.tonic


def test_the_painted_key_takes_the_place_of_the_named_one() -> None:
    key = choose_key("piano in A minor, slow", TRAITS)
    assert with_key("piano in A minor, slow", key, TRAITS) == "piano in G# minor, slow"
    assert with_key("piano in A minor", parse_key("E major"), TRAITS) == "piano in D major"
    assert (
        with_key("blues in A", choose_key("sad blues in A", TRAITS), TRAITS) == "blues in G# minor"
    )


def test_option_then_prompt_then_words_then_style() -> None:
    def modes(prompt: str) -> set[str]:
        keys = [choose_key(prompt, TRAITS, seed=seed) for seed in range(40)]
        return {key.mode for key in keys if key is not None}

    option = choose_key("piano in A minor", TRAITS, key="E major")
    assert option is not None and option.name == "E major"
    assert modes("piano") == {"major", "minor"}
    assert modes("sad piano") == {"minor"}
    assert modes("techno") == {"minor", "phrygian"}
    assert modes("happy techno") == {"major"}
    assert modes("sad folk") == {"minor"} or modes("sad folk") == {"dorian"}
    assert modes("major techno") == {"major"}


def test_a_free_tonic_needs_no_transposition_and_follows_the_seed() -> None:
    keys = [choose_key("piano", TRAITS, seed=seed) for seed in range(40)]
    assert {semitones_to_key(key, TRAITS) for key in keys} == {0}
    assert len({key.tonic for key in keys if key is not None}) == 2
    assert keys == [choose_key("piano", TRAITS, seed=seed) for seed in range(40)]


def test_drums_alone_and_other_models_are_told_no_key() -> None:
    assert choose_key("techno, drums only", TRAITS) is None
    assert choose_key("piano", ModelTraits()) is None
    key = choose_key("piano in a minor", ModelTraits())
    assert key is not None and semitones_to_key(key, ModelTraits()) == 0
    assert with_key("piano in a minor", key, ModelTraits()) == "piano in a minor"
