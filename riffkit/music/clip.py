"""A clip: sound, the image it came from, and the recipe for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.audio.reader import read_tags
from riffkit.errors import ParameterError
from riffkit.kinds import is_image
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.image import SpectrogramImage

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """What every task returns: sound, image and recipe.

    `waveform` is float32 of shape (channel, sample), ±1 at full scale. `notes` are messages for the
    user.
    """

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    image: SpectrogramImage
    recipe: Recipe
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        values = self.recipe.arguments
        about = [f"{self.seconds:.2f} s"]
        if self.image.grid is not None:
            about.append(f"{self.image.grid.bpm:g} BPM")
        about += [f"seed {values['seed']}"] if "seed" in values else []
        return f"<Clip {self.recipe.command}: {', '.join(about)}>"

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

    def save(self, path: str | Path) -> None:
        """Write an audio file, with the recipe in its tags.

        Args:
            path: file to write, with the extension .wav, .flac, .ogg or .mp3.

        Raises:
            OutputError: it can't be written there.
            AudioFileError: an unsupported extension.

        Example:
            riff.generate("lo-fi piano").save("piano.flac")
        """
        from riffkit.audio import files

        files.save(path, self.waveform, self.sample_rate, tags={TAG: self.recipe.to_json()})


def read_recipe(path: Path) -> Recipe | None:
    """The recipe in a PNG or audio file, or None."""
    if is_image(path):
        return recipe_of(SpectrogramImage.open(path))
    text = read_tags(path).get(TAG)
    return None if text is None else Recipe.from_json(text)


def recorded_recipe(path: Path) -> Recipe:
    """The recipe in a PNG or audio file; ParameterError if it has none."""
    recipe = read_recipe(path)
    if recipe is None:
        raise ParameterError(f"{path.name!r}: contains no recipe, so it can't be replayed")
    return recipe


def recipe_of(image: SpectrogramImage) -> Recipe | None:
    """The recipe stored in an image, or None."""
    return None if image.recipe is None else Recipe.from_dict(image.recipe)
