"""What a file of riffkit's own says of how it was made."""

from __future__ import annotations

from pathlib import Path

from riffkit.audio import files
from riffkit.recipe import TAG, Recipe
from riffkit.spectrogram.png import read_png


def read_recipe(path: Path) -> Recipe | None:
    """The recipe in a PNG or an audio file, None if it has none."""
    if path.suffix.lower() == ".png":
        values = read_png(path).recipe
        return None if values is None else Recipe.from_dict(values)
    text = files.read_tags(path).get(TAG)
    return None if text is None else Recipe.from_json(text)


def recorded_prompt(path: Path) -> str:
    """The prompt that a file was made from, "" for other files."""
    recipe = read_recipe(path)
    return "" if recipe is None else str(recipe.arguments.get("prompt") or "")
