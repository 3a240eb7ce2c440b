"""Recipes: what they keep, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from riffkit.errors import ParameterError
from riffkit.provenance.recipe import Recipe, fingerprint, sha256, versions


def test_round_trip_with_any_letters() -> None:
    recipe = Recipe("generate", {"prompt": 'сумне 🎹 \n"x"', "bpm": 84.5}, versions=versions())
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert "\n" not in recipe.to_json()


def test_damaged_and_foreign_recipes_are_refused() -> None:
    for text in ("{", "[]", '{"command": "generate"}', '{"command": "x", "arguments": {}, "y": 1}'):
        with pytest.raises(ParameterError, match="recipe"):
            Recipe.from_json(text)


def test_versions_name_what_is_installed() -> None:
    assert {"torch", "diffusers", "numpy"} <= set(versions())


def test_fingerprint_follows_the_weights(tmp_path: Path) -> None:
    weights = tmp_path / "unet" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"0" * 100)
    first = fingerprint(tmp_path)
    assert first == fingerprint(tmp_path)
    weights.write_bytes(b"0" * 99 + b"1")
    assert fingerprint(tmp_path) != first


def test_fingerprint_samples_large_files(tmp_path: Path) -> None:
    """A sparse 80 MiB file: the last byte counts, though not every block is read."""
    weights = tmp_path / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(80 << 20)
    first = fingerprint(tmp_path)
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"1")
    assert fingerprint(tmp_path) != first


def test_sha256_is_the_standard_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")


@pytest.mark.parametrize(
    ("command", "flat", "inputs"),
    [
        ("restyle", {"name": "a", "sha256": "1"}, {"clip": {"name": "a", "sha256": "1"}}),
        (
            "edit",
            {"name": "a", "sha256": "1", "mask.name": "m", "mask.sha256": "2"},
            {"clip": {"name": "a", "sha256": "1"}, "mask": {"name": "m", "sha256": "2"}},
        ),
        (
            "morph",
            {"name": "a", "sha256": "1", "last.name": "b", "last.sha256": "2"},
            {"first": {"name": "a", "sha256": "1"}, "last": {"name": "b", "sha256": "2"}},
        ),
        ("loop", {"theme": "og-beat"}, {"theme": {"seed": "og-beat"}}),
        ("story", {"name": "a", "sha256": "1"}, {"theme": {"name": "a", "sha256": "1"}}),
        (
            "generate",
            {"melody.name": "a", "melody.sha256": "1"},
            {"melody": {"name": "a", "sha256": "1"}},
        ),
        ("decode", {"name": "a", "sha256": "1"}, {"file": {"name": "a", "sha256": "1"}}),
        ("generate", {}, {}),
    ],
)
def test_inputs_of_the_first_recipes_get_their_names(
    command: str, flat: dict, inputs: dict
) -> None:
    old = {"command": command, "arguments": {"seed": 1}, "input": flat}
    assert Recipe.from_dict(old).inputs == inputs


def test_what_the_first_recipes_left_out_is_as_it_was_then() -> None:
    old = {"command": "generate", "arguments": {"prompt": "a", "sampler": "euler"}}
    assert Recipe.from_dict(old).arguments == {
        "prompt": "a",
        "sampler": "euler",
        "guidance_interval": None,
        "deep_cache": 1,
        "loudness": None,
        **{"chords": None, "humanize": 0.0, "stems": False},
        **{name: [] for name in ("track", "solo", "mute", "replace")},
        "free": True,
    }
    assert Recipe.from_dict({"command": "encode", "arguments": {"bpm": 1.0}}).arguments == {
        "bpm": 1.0
    }
    decoded = {"command": "decode", "arguments": {"seed": 1}, "schema": 1}
    assert Recipe.from_dict(decoded).arguments == {"seed": 1, "loudness": None}


def test_a_recipe_of_today_is_read_as_it_is_and_one_of_tomorrow_is_refused() -> None:
    recipe = Recipe("generate", {"prompt": "a"}, inputs={"melody": {"name": "x", "sha256": "1"}})
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(ParameterError, match="newer version"):
        Recipe.from_dict({**recipe.to_dict(), "schema": 99})


def test_the_same_music_is_so_whatever_made_it() -> None:
    recipe = Recipe("generate", {"guidance": 3}, versions={"torch": "1"}, threads=1)
    other = Recipe("generate", {"guidance": 3.0}, versions={"torch": "2"}, threads=2)
    assert recipe.same_music(other)
    assert not recipe.same_music(other.with_arguments({"guidance": 4.0}))
    read = {"prompt": [["a", 1.0]], "negative_prompt": []}
    assert recipe.same_music(replace(other, texts=[read]))  # the first recipes didn't say
    with_text = replace(recipe, texts=[read])
    assert not with_text.same_music(replace(other, texts=[{**read, "prompt": [["b", 1.0]]}]))
