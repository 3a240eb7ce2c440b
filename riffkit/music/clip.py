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
    """What every musical function returns. `notes` are lines that the user should read."""

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    image: SpectrogramImage
    recipe: Recipe
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

    def save(self, path: str | Path) -> None:
        """Write WAV, FLAC, OGG or MP3 by the extension, the recipe in its tags."""
        files.save(path, self.waveform, self.sample_rate, tags={TAG: self.recipe.to_json()})
