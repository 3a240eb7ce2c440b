"""A clip: sound, the image it came from, and the recipe for both."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.atomic import check_output_folder
from riffkit.audio.encoding import Bits, Storage
from riffkit.audio.reader import read_tags
from riffkit.audio.shown import Shown
from riffkit.errors import ParameterError, unknown
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.music.midi import is_midi, open_midi
from riffkit.music.musical_facts import MusicalFacts
from riffkit.music.task import slug
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.score.midi import recipe_in
from riffkit.spectrogram.image import SpectrogramImage

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """What every task returns: sound, image and recipe.

    `waveform` is float32 of shape (channel, sample), ±1 at full scale. `notes` are messages for the
    user. The end of a `loop` flows into its beginning. `title` is what players show. `stems` are
    the sounds of its tracks by name, if it was painted track by track: they add up to `waveform`.
    `stem_images` are the pictures of those that were painted, before they were mixed. `facts` are
    its metre, key and bars where the recipe doesn't say them.
    """

    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    image: SpectrogramImage
    recipe: Recipe
    notes: tuple[str, ...] = ()
    loop: bool = False
    title: str = ""
    stems: Mapping[str, Float[Tensor, "channel sample"]] = field(default_factory=dict)
    stem_images: Mapping[str, SpectrogramImage] = field(default_factory=dict)
    facts: MusicalFacts | None = None

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

        A WAV also has its bars, and a loop its beats and loop points, where DAWs and samplers read
        them.

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

        path, storage = Path(path), Storage(bits, sample_rate)
        storage.check(path)
        rate = sample_rate or self.sample_rate
        tags = {TAG: self.recipe.to_json()}
        files.save(
            path, self._at_rate(rate), rate, subtype=storage.subtype, tags=tags, shown=self.shown()
        )

    def stem(self, name: str) -> Clip:
        """One track as a clip of its own, as loud as in the mix.

        Args:
            name: one of the names in `stems`.

        Returns:
            The clip; its image is the track as it was painted.

        Raises:
            ParameterError: there is no such stem.

        Example:
            clip.stem("drums").save("drums.wav")
        """
        if name not in self.stems:
            raise ParameterError(f"stem: {unknown(name, self.stems)}")
        image = self.stem_images.get(name, self.image)
        recipe = recipe_of(image) if name in self.stem_images else None
        recipe = recipe or self.recipe.with_arguments({"stem": name})
        return replace(
            self,
            waveform=self.stems[name],
            image=replace(image, recipe=recipe.to_dict()),
            recipe=recipe,
            title=f"{self.title} – {name}" if self.title else name,
            stems={},
            stem_images={},
        )

    def save_stems(
        self,
        folder: str | Path,
        *,
        suffix: str = ".wav",
        bits: Bits | None = None,
        sample_rate: int | None = None,
    ) -> list[Path]:
        """Write each track to a file of its own: 01-bass-guitar.wav, 02-piano.wav …, and its image.

        They begin and end together, and added up they are the clip as `save` writes it: to −90 dB
        in 24 bits and as floats, to −60 dB in 16. Tags are as in `save`; the title names the track.

        Args:
            folder: where to write them; it is made if need be.
            suffix: .wav or .flac. In .ogg and .mp3 they add up only about.
            bits: as in `save`.
            sample_rate: as in `save`.

        Returns:
            The files in the order of the tracks.

        Raises:
            ParameterError: the clip has no stems, or the format doesn't store such samples.
            OutputError: it can't be written there.

        Example:
            clip.save_stems("trio", bits=24)
        """
        if not self.stems:
            raise ParameterError("stems: this clip has none; paint it from a score")
        folder = Path(folder)
        check_output_folder(folder)
        storage = Storage(bits, sample_rate)
        paths = [
            folder / f"{number:02}-{slug(name)}{suffix}"
            for number, name in enumerate(self.stems, 1)
        ]
        storage.check(paths[0])
        folder.mkdir(parents=True, exist_ok=True)
        for path, name in zip(paths, self.stems, strict=True):
            clip = self.stem(name)
            clip.save(path, bits=bits, sample_rate=sample_rate)
            if name in self.stem_images:
                clip.image.save(path.with_suffix(".png"))
        return paths

    def stem_files(self, suffix: str, storage: Storage) -> dict[str, bytes]:
        """What `save_stems` writes, by the names of the files."""
        with tempfile.TemporaryDirectory() as folder:
            self.save_stems(
                folder, suffix=suffix, bits=storage.bits, sample_rate=storage.sample_rate
            )
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}

    def shown(self) -> Shown:
        """What players and DAWs are told of it."""
        grid = self.image.grid
        facts = self.facts or MusicalFacts.of_recipe(self.recipe, self.image.params.sample_rate)
        return facts.shown(
            self.title,
            None if grid is None else grid.bpm,
            seconds=self.seconds,
            beats=grid.n_beats if grid and self.loop and self._has_whole_beats else None,
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
