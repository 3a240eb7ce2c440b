"""A clip: sound, the image it came from, and the recipe for both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from riffkit.audio import files
from riffkit.audio.loudness import normalize_loudness
from riffkit.recipe import TAG, Recipe
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.base import Quality
from riffkit.vocoder.decode import decode


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


def clip_from_image(
    image: SpectrogramImage,
    recipe: Recipe,
    *,
    vocoder: str,
    quality: Quality,
    seed: int,
    circular: bool,
    device: str = "cpu",
    notes: tuple[str, ...] = (),
) -> Clip:
    """Invert a generated image: −16 LUFS, true peak at most −1 dBFS; the image gets the recipe."""
    waveform = decode(
        image, vocoder=vocoder, quality=quality, seed=seed, circular=circular, device=device
    )
    sample_rate = image.params.sample_rate
    waveform = normalize_loudness(waveform, sample_rate, circular=circular)
    image = replace(image, recipe=recipe.to_dict())
    return Clip(waveform, sample_rate, image, recipe, notes)
