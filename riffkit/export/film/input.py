"""What a video is made of: a clip, a sound file or a spectrogram image, opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from riffkit.audio.files import SILENCE_PEAK
from riffkit.audio.reader import read_tags
from riffkit.audio.stated import stated
from riffkit.errors import AudioFileError, ParameterError
from riffkit.export.film.frames import Words
from riffkit.export.film.picture import PARAMS, Drawn
from riffkit.export.film.sound import Sound, sound_of_file, sound_of_waveform
from riffkit.export.film.strip import Meter
from riffkit.kinds import is_image
from riffkit.limits import bpm_text
from riffkit.music.clip import Clip, read_recipe
from riffkit.music.musical_facts import MusicalFacts
from riffkit.prompt.key import named_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

_SEPARATOR = "  ·  "


@dataclass(frozen=True, eq=False)
class Opened:
    """A sound and what is known of it. Without a `drawn` the picture is made from the sound.

    The bars of `facts` begin with the image.
    """

    sound: Sound
    name: str
    title: str
    recipe: Recipe | None
    bpm: float | None
    facts: MusicalFacts
    drawn: Drawn | None = None

    @property
    def meter(self) -> Meter:
        return Meter(self.bpm, self.facts.beats_per_bar, self.facts.lead_seconds)

    def words(self, title: str | None) -> Words:
        """A title, or else its own, with tempo and key; nothing at all where the title is ""."""
        if title == "":
            return Words()
        tempo = "" if self.bpm is None else f"{bpm_text(self.bpm)} BPM"
        key = "" if self.facts.key is None else self.facts.key.name
        facts = _SEPARATOR.join(fact for fact in (tempo, key) if fact)
        return Words(self.title if title is None else title, facts)


def open_input(clip: Clip | Path) -> Opened:
    """A clip, or an audio file or PNG; AudioFileError or ImageFileError if it can't be read."""
    if isinstance(clip, Clip):
        return _of_clip(clip)
    return _of_image(clip) if is_image(clip) else _of_sound(clip)


def _of_clip(clip: Clip) -> Opened:
    grid = clip.image.grid
    facts = clip.facts or MusicalFacts.of_recipe(clip.recipe, clip.image.params.sample_rate)
    return Opened(
        sound_of_waveform(clip.waveform, clip.sample_rate),
        name="clip",
        title=clip.title or _title(clip.recipe, ""),
        recipe=clip.recipe,
        bpm=None if grid is None else grid.bpm,
        facts=facts,
        drawn=Drawn(clip.image, lead_seconds=facts.lead_seconds),
    )


def _of_image(path: Path) -> Opened:
    from riffkit.music.codec import decode

    opened, recipe = _of_clip(decode(path)), read_recipe(path)
    title = _title(recipe, path.stem)
    return replace(opened, name=path.name, title=title, recipe=recipe or opened.recipe)


def _of_sound(path: Path) -> Opened:
    sound, tags, said = sound_of_file(path), read_tags(path), stated(path)
    recipe = Recipe.from_json(tags[TAG]) if tags.get(TAG) else None
    bpm = None if recipe is None else recipe.arguments.get("bpm")
    facts = MusicalFacts(
        said.beats_per_bar or DEFAULT_BEATS, named_key(said.key) if said.key else None
    )
    return Opened(
        sound,
        name=path.name,
        title=tags.get("title") or _title(recipe, path.stem),
        recipe=recipe,
        bpm=float(bpm) if bpm else _possible(said.bpm),
        facts=facts if recipe is None else MusicalFacts.of_recipe(recipe, PARAMS.sample_rate),
    )


def _possible(bpm: float | None) -> float | None:
    return bpm if bpm is not None and MIN_BPM <= bpm <= MAX_BPM else None


def _title(recipe: Recipe | None, name: str) -> str:
    """The prompt, or else the file's name, as a sentence begins."""
    prompt = None if recipe is None else recipe.arguments.get("prompt")
    words = str(prompt or name.replace("_", " "))
    return words[:1].upper() + words[1:]


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
