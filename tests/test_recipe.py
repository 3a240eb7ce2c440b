"""Recipes: what they keep, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from riffkit.errors import ParameterError
from riffkit.recipe import Recipe, fingerprint, sha256, versions


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
