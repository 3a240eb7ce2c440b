"""A clip: sound, the image it came from, and the recipe for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from riffkit.audio import files
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.image import SpectrogramImage


@dataclass(frozen=True, eq=False)
class Clip:
    """What every task returns: sound, image and recipe.

    `waveform` is float32 of shape (channel, sample), ±1 at full scale. `notes` are lines that the
    user should read.
    """

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    image: SpectrogramImage
    recipe: Recipe
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

    def save(self, path: str | Path) -> None:
        """Write an audio file, with the recipe in its tags.

        Args:
            path: file to write; its extension says WAV, FLAC, OGG or MP3.

        Raises:
            OutputError: it can't be written there.
            AudioFileError: another extension.

        Example:
            riff.generate("lo-fi piano").save("piano.flac")
        """
        files.save(path, self.waveform, self.sample_rate, tags={TAG: self.recipe.to_json()})
