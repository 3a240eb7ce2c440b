"""What exporters know of a clip: its sound, its notes, and the sounds of its players."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from riffkit.errors import ParameterError
from riffkit.export.sound import Known, Sound, sound_of_clip, sound_of_file
from riffkit.kinds import is_image
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.midi import is_midi
from riffkit.music.outputs import Target, stored_recipe
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.score.notes import Score

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.spectrogram.image import SpectrogramImage

_STEMS_ERROR = 0.002
"""How far the stems' sum may lie from the sound: −54 dB; stored in 16 bits it is −60."""


@dataclass(frozen=True, eq=False)
class Source:
    """A clip that is exported. `stems` are the sounds of its players by name, if it was painted
    player by player; added up they are its sound. `notes` are messages for the user.
    """

    sound: Sound
    recipe: Recipe | None = None
    stems: Mapping[str, Float[Tensor, "channel sample"]] = field(default_factory=dict)
    image: SpectrogramImage | Path | None = None
    """Its picture, or the PNG that has it."""
    notes: tuple[str, ...] = ()

    @cached_property
    def score(self) -> Score | None:
        """The notes that it was painted from."""
        found = None if self.recipe is None else self.recipe.score
        return None if found is None else Score.from_dict(found)

    @property
    def parts(self) -> dict[str, Sound]:
        """Its stems as sounds of their own, or else itself by its title."""
        if not self.stems:
            return {self.sound.title or "riff": self.sound}
        return {name: self.part(name, waveform) for name, waveform in self.stems.items()}

    def part(self, name: str, waveform: Float[Tensor, "channel sample"]) -> Sound:
        """A sound that is a part of it: with its tempo and bars, and a title that says so."""
        tags = dict(self.sound.tags)
        if self.recipe is not None:
            tags[TAG] = self.recipe.with_arguments({"stem": name}).to_json()
        title = f"{self.sound.title} – {name}" if self.sound.title else name
        return replace(self.sound, waveform=waveform, title=title, tags=tags)


def open_source(
    clip: Clip | str | Path, *, title: str | None = None, known: Known | None = None
) -> Source:
    """A clip, or a file, as exporters see it.

    Args:
        clip: a clip, an audio file or a PNG of riffkit's, which is decoded.
        title: in the place of its own.
        known: what the user says of its tempo, key and metre.

    Returns:
        The source; of a file its stems are those of the folder NAME-stems, if they add up to it.

    Raises:
        AudioFileError, ImageFileError: the file can't be read.
        ParameterError: it is MIDI.
    """
    known = known or Known()
    if not isinstance(clip, Clip):
        path = Path(clip)
        if is_midi(path):
            raise ParameterError(f"clip={path.name!r}: is MIDI; choose an audio file or PNG")
        if not is_image(path):
            return _of_file(path, title, known)
        from riffkit.music.codec import decode

        clip = decode(path)
    clip = clip if title is None else replace(clip, title=title)
    sound = sound_of_clip(clip, known)
    return Source(sound, clip.recipe, clip.stems, clip.image, (*clip.notes, *sound.notes))


def _of_file(path: Path, title: str | None, known: Known) -> Source:
    sound, recipe = sound_of_file(path, known), read_recipe(path)
    sound = sound if title is None else replace(sound, title=title)
    picture = path.with_suffix(".png")
    is_own = recipe is not None and picture.is_file() and stored_recipe(picture)
    stems = {}
    if recipe is not None and recipe.score is not None:
        stems = stems_beside(path, sound.waveform, sound.sample_rate)
    return Source(sound, recipe, stems, picture if is_own else None, sound.notes)


def stems_beside(
    path: Path, sound: Float[Tensor, "channel sample"], sample_rate: int
) -> dict[str, Float[Tensor, "channel sample"]]:
    """The sounds of the folder beside a file by their names, if they add up to its sound."""
    from riffkit.audio import files

    stems: dict[str, Float[Tensor, "channel sample"]] = {}
    for file in sorted(Target(path, path.with_suffix(".png")).stems.glob("[0-9]*.*")):
        name = (stored_recipe(file) or {}).get("arguments", {}).get("stem")
        if file.suffix == ".png" or not isinstance(name, str):
            continue
        waveform, rate = files.load(file, allow_silence=True)
        if rate != sample_rate or waveform.shape != sound.shape:
            return {}
        stems[name] = waveform
    return stems if add_up(stems, sound) else {}


def add_up(
    stems: Mapping[str, Float[Tensor, "channel sample"]], sound: Float[Tensor, "channel sample"]
) -> bool:
    """Whether stems are those of a sound, which may be stored in 16 bits."""
    if not stems or any(stem.shape != sound.shape for stem in stems.values()):
        return False
    rest = sound - sum(stems.values())
    loud = max(float(sound.square().mean().sqrt()), 1e-4)
    return float(rest.square().mean().sqrt()) <= _STEMS_ERROR * loud
