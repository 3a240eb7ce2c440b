"""What a video is made of: a clip, a sound file or a spectrogram image, opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riffkit.audio.files import SILENCE_PEAK
from riffkit.audio.reader import read_tags
from riffkit.errors import AudioFileError, ParameterError
from riffkit.export.video_film import Meter
from riffkit.export.video_frames import Words
from riffkit.export.video_picture import PARAMS, Drawn
from riffkit.export.video_sound import Sound, sound_of_file, sound_of_waveform
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.music.clip import Clip, lead_samples, recipe_of
from riffkit.prompt.key import parse_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.image import SpectrogramImage

_SEPARATOR = "  ·  "


@dataclass(frozen=True, eq=False)
class Opened:
    """A sound and what is known of it. Without a `drawn` the picture is made from the sound."""

    sound: Sound
    name: str
    title: str
    recipe: Recipe | None
    meter: Meter
    drawn: Drawn | None = None

    def words(self, title: bool | str) -> Words:
        """Title, tempo and key; nothing at all where `title` is False."""
        if title is False:
            return Words()
        made = {} if self.recipe is None else self.recipe.arguments
        tempo = "" if self.meter.bpm is None else f"{bpm_text(self.meter.bpm)} BPM"
        key = parse_key(made["key"]).name if made.get("key") else ""
        facts = _SEPARATOR.join(fact for fact in (tempo, key) if fact)
        return Words(self.title if title is True else title, facts)


def open_input(clip: Clip | Path) -> Opened:
    """A clip, or an audio file or PNG; AudioFileError or ImageFileError if it can't be read."""
    if isinstance(clip, Clip):
        return _open_clip(clip)
    return _open_image(clip) if is_image(clip) else _open_sound(clip)


def _open_clip(clip: Clip) -> Opened:
    lead = lead_samples(clip.recipe) or 0
    seconds = lead / clip.image.params.sample_rate
    return Opened(
        sound_of_waveform(clip.waveform, clip.sample_rate),
        name="clip",
        title=clip.title or _title(clip.recipe, ""),
        recipe=clip.recipe,
        meter=_meter(clip.recipe, clip.image, seconds),
        drawn=Drawn(clip.image, lead_seconds=seconds),
    )


def _open_image(path: Path) -> Opened:
    from riffkit.vocoder.decode import decode

    image = SpectrogramImage.open(path)
    recipe = recipe_of(image)
    waveform = decode(image, circular=image.grid is not None)
    return Opened(
        sound_of_waveform(waveform, image.params.sample_rate),
        name=path.name,
        title=_title(recipe, path.stem),
        recipe=recipe,
        meter=_meter(recipe, image, 0.0),
        drawn=Drawn(image),
    )


def _open_sound(path: Path) -> Opened:
    sound, tags = sound_of_file(path), read_tags(path)
    recipe = Recipe.from_json(tags[TAG]) if tags.get(TAG) else None
    lead = lead_samples(recipe) if recipe is not None else 0
    return Opened(
        sound,
        name=path.name,
        title=tags.get("title") or _title(recipe, path.stem),
        recipe=recipe,
        meter=_meter(recipe, None, (lead or 0) / PARAMS.sample_rate),
    )


def _title(recipe: Recipe | None, name: str) -> str:
    """The prompt, or else the file's name, as a sentence begins."""
    prompt = None if recipe is None else recipe.arguments.get("prompt")
    words = str(prompt or name.replace("_", " "))
    return words[:1].upper() + words[1:]


def _meter(recipe: Recipe | None, image: SpectrogramImage | None, lead_seconds: float) -> Meter:
    made: dict[str, Any] = {} if recipe is None else recipe.arguments
    grid = None if image is None else image.grid
    bpm = made.get("bpm") if grid is None else grid.bpm
    bpm = None if bpm is None else float(bpm)
    return Meter(bpm, made.get("beats_per_bar") or DEFAULT_BEATS, lead_seconds)


def check_audible(swing: float, opened: Opened) -> None:
    """Raise AudioFileError for a sound that nobody hears; `swing` is its highest sample less its
    lowest.
    """
    if swing < 2 * SILENCE_PEAK:
        raise AudioFileError(f"{opened.name!r} is silent; choose a clip with audible sound")


def check_length(opened: Opened, fps: int) -> None:
    """Raise ParameterError for a sound that is shorter than a picture is seen."""
    if opened.sound.n_samples * fps < opened.sound.sample_rate:
        raise ParameterError(
            f"clip={opened.name!r}: {opened.sound.seconds:.6f} s is shorter than one picture "
            f"({1 / fps:.2f} s); give a longer clip"
        )
