"""The user's sound or image as a clip, with the image that a model edits of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from riffkit.kinds import is_image
from riffkit.music.fields import check_ranges, option
from riffkit.prompt.key import parse_key
from riffkit.prompt.metre import FEWEST_BEATS, MOST_BEATS
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

if TYPE_CHECKING:
    from riffkit.models.pipeline import Pipeline
    from riffkit.music.clip import Clip

_COMMAND = "encode"


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What is known of the sound; None is measured."""

    bpm: float | None = option("Tempo in BPM.", None, least=MIN_BPM, most=MAX_BPM)
    key: str | None = option("Key, such as 'A minor'.", None)
    beats_per_bar: int | None = option(
        "Quarter notes per bar.", None, least=FEWEST_BEATS, most=MOST_BEATS
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.key is not None:
            parse_key(self.key)


def import_clip(pipeline: Pipeline, path: Path, request: ImportRequest, *, title: str) -> Clip:
    """A clip of a sound as it is, or of a spectrogram image as it is played.

    Its image is the one that the model edits: on the beat grid of the sound's bars, which may begin
    before the sound does. The recipe says by how much, so that the clip has the same image wherever
    it is opened, and `riff replay` makes it again.

    Args:
        pipeline: the model.
        path: an audio file or a spectrogram image.
        request: what is known of it.
        title: what players show.

    Returns:
        The clip.

    Raises:
        AudioFileError, ImageFileError: it can't be read, or is silent.
        ParameterError: it is shorter than a bar, or has no tempo that can be found.
    """
    import torch

    from riffkit.audio import files
    from riffkit.music.clip import Clip
    from riffkit.music.codec import decode
    from riffkit.music.request import PaintRequest
    from riffkit.music.source import open_source
    from riffkit.provenance.recipe import Recipe, versions

    asked = PaintRequest(bpm=request.bpm, key=request.key, beats_per_bar=request.beats_per_bar)
    found = open_source(pipeline, path, asked)
    resolved = {
        "bpm": found.grid.bpm,
        "key": found.key_name,
        "beats_per_bar": found.beats_per_bar,
    }
    source = open_source(pipeline, path, PaintRequest(**resolved))
    if is_image(path):
        played = decode(path)
        waveform, rate, loop = played.waveform, played.sample_rate, played.loop
    else:
        waveform, rate = files.load(path)
        loop = source.loop
    recipe = Recipe(
        _COMMAND,
        {"preset": None, **resolved},
        model=pipeline.recipe_facts,
        inputs={"file": dict(source.identity)},
        versions=versions(),
        threads=torch.get_num_threads(),
    )
    image = replace(source.image, recipe=recipe.to_dict())
    return Clip(waveform, rate, image, recipe, found.remarks, loop=loop, title=title)
