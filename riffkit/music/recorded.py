"""What a file of riffkit's own says of how it was made."""

from __future__ import annotations

from pathlib import Path

from riffkit.audio import files
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.image import SpectrogramImage


def read_recipe(path: Path) -> Recipe | None:
    """The recipe in a PNG or an audio file, None if it has none."""
    if path.suffix.lower() == ".png":
        return recipe_of(SpectrogramImage.open(path))
    text = files.read_tags(path).get(TAG)
    return None if text is None else Recipe.from_json(text)


def recipe_of(image: SpectrogramImage) -> Recipe | None:
    """The recipe that an image came with, None if it has none."""
    return None if image.recipe is None else Recipe.from_dict(image.recipe)
