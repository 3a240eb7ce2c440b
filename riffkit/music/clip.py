"""A clip: sound, the image it came from, and the recipe for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.audio.encoding import Bits, Storage
from riffkit.audio.reader import read_tags
from riffkit.audio.shown import Shown
from riffkit.errors import ParameterError
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.music.midi import is_midi, open_midi
from riffkit.prompt.key import parse_key
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.score.midi import recipe_in
from riffkit.spectrogram.image import SpectrogramImage

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """What every task returns: sound, image and recipe.

    `waveform` is float32 of shape (channel, sample), ±1 at full scale. `notes` are messages for the
    user. The end of a `loop` flows into its beginning. `title` is what players show.
    """

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    image: SpectrogramImage
    recipe: Recipe
    notes: tuple[str, ...] = ()
    loop: bool = False
    title: str = ""

    def __repr__(self) -> str:
        values = self.recipe.arguments
        about = [f"{self.seconds:.2f} s"]
        if self.image.grid is not None:
            about.append(f"{bpm_text(self.image.grid.bpm)} BPM")
        about += [f"seed {values['seed']}"] if "seed" in values else []
        return f"<Clip {self.recipe.command}: {', '.join(about)}>"

    @property
    def seconds(self) -> float:
        return self.waveform.shape[-1] / self.sample_rate

    def save(
        self, path: str | Path, *, bits: Bits | None = None, sample_rate: int | None = None
    ) -> None:
        """Write an audio file, with the recipe, title, tempo and key in its tags.

        A loop in a WAV has its tempo and beats where DAWs read them (an ACID chunk).

        Args:
            path: file to write, with the extension .wav, .flac, .ogg or .mp3.
            bits: 16 (the default), 24 or, in a WAV, "float". Rounded without dither.
            sample_rate: resample to this rate in Hz; by default the clip's own. A loop stays
                seamless.

        Raises:
            OutputError: it can't be written there, or has an unsupported extension.
            ParameterError: the format doesn't store such samples.

        Example:
            riff.generate("lo-fi piano").save("piano.wav", bits=24, sample_rate=48_000)
        """
        from riffkit.audio import files

        storage = Storage(bits, sample_rate)
        storage.check(Path(path))
        rate = sample_rate or self.sample_rate
        tags = {TAG: self.recipe.to_json()}
        files.save(
            path, self._at_rate(rate), rate, subtype=storage.subtype, tags=tags, shown=self._shown()
        )

    def _shown(self) -> Shown:
        grid, asked = self.image.grid, self.recipe.arguments
        key = parse_key(asked["key"]) if asked.get("key") else None
        return Shown(
            self.title,
            bpm=None if grid is None else grid.bpm,
            key="" if key is None else key.short_name,
            tonic=None if key is None else key.tonic,
            beats=grid.n_beats if grid and self.loop and self._has_whole_beats else None,
            beats_per_bar=asked.get("beats_per_bar") or 4,
        )

    @property
    def _has_whole_beats(self) -> bool:
        grid = self.image.grid
        return grid is not None and grid.n_samples(self.sample_rate) == self.waveform.shape[-1]

    def _at_rate(self, sample_rate: int) -> Float[Tensor, "channel resampled"]:
        """The sound at another rate: a loop stays one, whole beats stay whole."""
        if sample_rate == self.sample_rate:
            return self.waveform
        from riffkit.audio.resampling import resample

        grid, n_samples = self.image.grid, None
        if grid is not None and self._has_whole_beats:
            n_samples = grid.n_samples(sample_rate)
        return resample(
            self.waveform, self.sample_rate, sample_rate, n_samples=n_samples, circular=self.loop
        )


def read_recipe(path: Path) -> Recipe | None:
    """The recipe in a PNG, audio or MIDI file, or None."""
    if is_image(path):
        return recipe_of(SpectrogramImage.open(path))
    if is_midi(path):
        open_midi(path, option="file")
        text = recipe_in(path)
    else:
        text = read_tags(path).get(TAG)
    return Recipe.from_json(text) if text else None


def recorded_recipe(path: Path) -> Recipe:
    """The recipe in a PNG, audio or MIDI file; ParameterError if it has none."""
    recipe = read_recipe(path)
    if recipe is None:
        raise ParameterError(f"{path.name!r}: contains no recipe, so it can't be replayed")
    return recipe


def recipe_of(image: SpectrogramImage) -> Recipe | None:
    """The recipe stored in an image, or None."""
    return None if image.recipe is None else Recipe.from_dict(image.recipe)
