"""Reads a file's recipe and parameters, and measures its sound.

torch is imported once the file is known to be usable.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from riffkit.audio.reader import describe
from riffkit.kinds import is_image
from riffkit.music.clip import read_recipe, recipe_of
from riffkit.music.midi import is_midi
from riffkit.provenance.recipe import Recipe
from riffkit.score.notes import Score
from riffkit.score.summary import summary
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import preset as preset_of

if TYPE_CHECKING:
    from torch import Tensor

_N_TAGS = 5
_TAG_PATCHES = 10  # of 3 s: half a second's work, however long the file


def inspect(path: str | Path, *, preset: str | None = None) -> dict[str, Any]:
    """Read a file's recipe and parameters, and measure its sound.

    Images are decoded at preview quality for the measurements.

    Args:
        path: audio file, spectrogram image or MIDI file.
        preset: parameters for an image without its own.

    Returns:
        Plain values: the kind, the tempo and key that the file itself states (`tempo_bpm` and
        `key`, None where it doesn't), those measured with the loudness and tags, and the recipe.
        A measured key is None where none is clear, as in drums or noise. MIDI, and what was painted
        from notes, has a `score`: its chords, sections and tracks.

    Raises:
        AudioFileError, ImageFileError: the file can't be read.
        ParameterError: an unknown preset.

    Example:
        print(riffkit.inspect("song.wav")["measured"]["tempo_bpm"])
    """
    path = Path(path)
    if is_image(path):
        return _inspect_image(path, preset)
    if is_midi(path):
        return _inspect_midi(path)
    recipe = read_recipe(path)
    made = {} if recipe is None else recipe.arguments
    from riffkit.audio import files

    waveform, rate = files.load(path, allow_silence=True)
    return {
        "file": path.name,
        "kind": "audio",
        "tempo_bpm": made.get("bpm"),
        "key": made.get("key"),
        "sample_rate": rate,
        "subtype": describe(path).subtype,
        "channels": waveform.shape[0],
        "samples": waveform.shape[-1],
        "measured": _measured(waveform, rate),
        "score": _score_in(recipe),
        "recipe": None if recipe is None else recipe.to_dict(),
    }


def _inspect_image(path: Path, preset: str | None) -> dict[str, Any]:
    image = SpectrogramImage.open(path, params=None if preset is None else preset_of(preset))
    recipe = recipe_of(image)
    from riffkit.vocoder.decode import decode

    circular = image.grid is not None
    waveform = decode(image, quality="preview", circular=circular)
    return {
        "file": path.name,
        "kind": "spectrogram image",
        "tempo_bpm": None if image.grid is None else image.grid.bpm,
        "key": None if recipe is None else recipe.arguments.get("key"),
        "width": image.n_frames,
        "samples": image.n_samples,
        "parameters": {**image.params.to_dict(), "max_value": image.max_value},
        "assumed": list(image.assumed),
        "transpose": image.transpose,
        "beat_grid": None if image.grid is None else asdict(image.grid),
        "measured": _measured(waveform, image.params.sample_rate),
        "score": _score_in(recipe),
        "recipe": None if recipe is None else recipe.to_dict(),
    }


def _inspect_midi(path: Path) -> dict[str, Any]:
    from riffkit.music.midi_score import read_score

    read, recipe = read_score(path, option="file"), read_recipe(path)
    facts = summary(read.score)
    return {
        "file": path.name,
        "kind": "MIDI",
        "title": read.title,
        "tempo_bpm": facts["bpm"],
        "key": facts["key"],
        "beats": read.score.n_beats,
        "notes": facts["notes"],
        "score": facts,
        "remarks": list(read.notes),
        "recipe": None if recipe is None else recipe.to_dict(),
    }


def _score_in(recipe: Recipe | None) -> dict[str, Any] | None:
    """What is in the score that a clip was painted from."""
    if recipe is None or recipe.score is None:
        return None
    return summary(Score.from_dict(recipe.score))


def _measured(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> dict[str, Any]:
    """The clip's facts; what is infinite (the loudness of silence) has no number in JSON."""
    from riffkit.analysis.facts import measure

    facts = asdict(measure(waveform, sample_rate))
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in facts.items()
    } | {"tags": _likeliest_tags(waveform, sample_rate)}


def _likeliest_tags(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> dict[str, float]:
    """Tags and their probabilities, the likeliest first; silence has none."""
    if not waveform.any():
        return {}
    from riffkit.analysis.tags import music_tags

    tags = music_tags(waveform, sample_rate, n_patches=_TAG_PATCHES)
    likeliest = sorted(tags, key=lambda tag: -tags[tag])[:_N_TAGS]
    return {tag: round(tags[tag], 3) for tag in likeliest}
