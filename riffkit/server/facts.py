"""What the library says of a clip, from its files or as it was made. Light."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riffkit.audio.acid import read_acid
from riffkit.audio.reader import describe, read_tags
from riffkit.music.outputs import Target, stored_recipe
from riffkit.provenance.recipe import TAG, Recipe
from riffkit.server.store import ClipRow
from riffkit.spectrogram.image import SpectrogramImage


def clip_row(target: Target, *, id: str) -> ClipRow:  # noqa: A002
    """The row of a clip from its files alone.

    Raises RiffkitError for files that can't be read, and ValueError for an audio file without a
    recipe.
    """
    tags, info = read_tags(target.audio), describe(target.audio)
    if not tags.get(TAG):
        raise ValueError("no recipe")
    recipe = Recipe.from_json(tags[TAG])
    image = SpectrogramImage.open(target.image)
    return row_of(
        target,
        recipe,
        image,
        id=id,
        title=prompt_of(recipe.arguments) or target.audio.stem,
        seconds=info.seconds,
        sample_rate=info.sample_rate,
        loop=_has_beats(target.audio),
        stems=tuple(filter(None, map(_stem_name, sorted(target.stems.glob("[0-9]*.wav"))))),
    )


def row_of(
    target: Target,
    recipe: Recipe,
    image: SpectrogramImage,
    *,
    id: str,  # noqa: A002
    title: str,
    seconds: float,
    sample_rate: int,
    loop: bool,
    stems: tuple[str, ...] = (),
    job: str | None = None,
    index: int = 0,
    notes: tuple[str, ...] = (),
) -> ClipRow:
    """The row of a clip whose files are written."""
    made, grid = recipe.arguments, image.grid
    per_bar = made.get("beats_per_bar") or 4
    whole = grid is not None and grid.n_samples(sample_rate) == round(seconds * sample_rate)
    return ClipRow(
        id=id,
        stem=target.audio.stem,
        title=title,
        prompt=prompt_of(made),
        task=recipe.command,
        job=job,
        index=index,
        seconds=seconds,
        sample_rate=sample_rate,
        bpm=grid.bpm if grid is not None else made.get("bpm"),
        beats=None if grid is None else grid.n_beats,
        beats_per_bar=per_bar,
        bars=None if grid is None or grid.n_beats % per_bar else grid.n_beats // per_bar,
        key=made.get("key"),
        loop=loop,
        seed=made.get("seed"),
        model=recipe.model.get("name", ""),
        width=image.n_frames,
        height=image.pixels.shape[0],
        size=_size(target),
        notes=notes,
        stems=stems,
        has_score=recipe.score is not None,
        whole_beats=whole,
    )


def prompt_of(arguments: Mapping[str, Any]) -> str:
    """The words that a clip was made from: one prompt, or all of them with arrows between."""
    if arguments.get("prompt"):
        return str(arguments["prompt"])
    prompts = arguments.get("prompts") or [
        frame.get("prompt", "") for frame in arguments.get("keyframes") or ()
    ]
    ends = [arguments[name] for name in ("first", "last") if arguments.get(name)]
    return " → ".join(map(str, [*prompts, *ends]))


def _has_beats(audio: Path) -> bool:
    """Whether a WAV says that it is a loop of whole beats."""
    acid = read_acid(audio)
    return acid is not None and acid.beats is not None


def _stem_name(path: Path) -> str | None:
    name = (stored_recipe(path) or {}).get("arguments", {}).get("stem")
    return name if isinstance(name, str) else None


def _size(target: Target) -> int:
    paths = [target.audio, target.image]
    if target.stems.is_dir():
        paths += target.stems.iterdir()
    return sum(path.stat().st_size for path in paths)
