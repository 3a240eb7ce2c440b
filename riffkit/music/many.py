"""Many clips from a list of prompts, by as many workers as there are.

A worker is sent a request and sends back the bytes of both files, so that it may be on a machine
with other disks; the files are written here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riffkit.atomic import atomic_path, check_output_path, output_error
from riffkit.audio import files
from riffkit.device import pick_device, single_thread
from riffkit.diffusion.checkpoint import (
    BUNDLED_DEFAULT,
    Checkpoint,
    bundled_models,
    load_checkpoint,
)
from riffkit.diffusion.lora import parse_lora
from riffkit.engine import available_cores, run_tasks
from riffkit.errors import ModelError, OutputError, ParameterError, RiffkitError
from riffkit.music.generate import GenerateRequest, generate, plan_for, recipe_for
from riffkit.music.melody import Melody, read_melody
from riffkit.music.names import numbered, slug
from riffkit.music.prompt_list import Entry
from riffkit.music.recorded import read_recipe
from riffkit.recipe import Recipe
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.png import read_png


@dataclass(frozen=True)
class ListedClip:
    """A clip to be made as `path`. `any_seed`: one with another seed that is there will do."""

    path: Path
    request: GenerateRequest
    any_seed: bool = False
    melody: Path | None = None


@dataclass(frozen=True)
class Made:
    """What became of a listed clip: made, kept as it was, or, by `error`, neither."""

    path: Path
    recipe: Recipe | None = None
    grid: BeatGrid | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    kept: bool = False
    error: str = ""


def list_clips(
    entries: Sequence[Entry],
    folder: Path,
    *,
    seed: int,
    any_seed: bool = False,
    count: int = 1,
    defaults: Mapping[str, Any] | None = None,
) -> list[ListedClip]:
    """The clips of a list, `count` of each entry, as FOLDER/NNN-<prompt's words>.wav.

    Entries without a seed take the next after `seed` for each clip; `defaults` are fields for all
    that don't say otherwise. Raises ParameterError, which names the entry, for a wrong value.
    """
    n_digits = max(3, len(str(len(entries))))
    clips = []
    for index, entry in enumerate(entries):
        values = _with_defaults(entry.fields, defaults or {})
        melody = values.pop("melody", None)
        first_seed = values.pop("seed", seed + index * count)
        stem = f"{index + 1:0{n_digits}d}-{slug(values['prompt'])}"
        for n, path in enumerate(numbered(folder / f"{stem}.wav", count)):
            try:
                request = GenerateRequest(**values, seed=first_seed + n)
            except ParameterError as error:
                raise ParameterError(f"{entry.where}: {error}") from error
            takes_any = any_seed and "seed" not in entry.fields
            clips.append(ListedClip(path, request, takes_any, Path(melody) if melody else None))
    return clips


def _with_defaults(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    values = {**defaults, **fields}
    for one, other in (("bars", "duration"), ("duration", "bars")):
        if one in fields and other not in fields:
            values.pop(other, None)  # the entry's own length, not the one meant for all
    return values


def make_clips(
    clips: Sequence[ListedClip],
    loading: Mapping[str, Any],
    *,
    checkpoint: Checkpoint | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> Iterator[Made]:
    """Make the clips, in their order, and write each with its PNG as soon as it is there.

    What lies there already with the recipe that is asked for is kept. A clip that can't be made
    doesn't stop the others: its `error` says why. `loading` are the arguments of load_checkpoint,
    `checkpoint` what they gave if this process has loaded it. `engine` and `workers` are
    riffkit/engine/run.py's, but for a local GPU, which one worker has for itself by default.
    Each clip is computed with one thread, so its bytes are the same whoever makes it.
    """
    for folder in {clip.path.parent for clip in clips}:
        _make_folder(folder)
    loading = _from_anywhere(loading)
    if engine == "local":
        on_cpu = pick_device(loading.get("device", "auto")).type == "cpu"
        workers = min(workers or (available_cores() if on_cpu else 1), max(1, len(clips)))
    tasks = (_Task(clip, _existing(clip.path), loading) for clip in clips)
    results = run_tasks(
        _work, tasks, engine=engine, workers=workers, name=lambda task: task.clip.path.name
    )
    return _all_written(results, loading, checkpoint)


def _all_written(
    results: Iterator[_Result], loading: Mapping[str, Any], checkpoint: Checkpoint | None
) -> Iterator[Made]:
    if checkpoint is not None:
        _LOADED[_key(loading)] = checkpoint
    try:
        for result in results:
            yield _written(result)
    finally:
        _LOADED.clear()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    check_output_path(folder / "clip")


def _from_anywhere(loading: Mapping[str, Any]) -> dict[str, Any]:
    """With whole paths, as workers may stand in another folder."""
    model = str(loading.get("model", BUNDLED_DEFAULT))
    if model not in bundled_models() and Path(model).expanduser().exists():
        model = str(Path(model).expanduser().absolute())
    loras = [
        (path.absolute(), weight) for path, weight in map(parse_lora, loading.get("loras", ()))
    ]
    return {**loading, "model": model, "loras": loras}


@dataclass(frozen=True)
class _Existing:
    """The recipe, the same in both files, and what else is said of a clip."""

    recipe: Recipe
    grid: BeatGrid | None
    seconds: float


@dataclass(frozen=True)
class _Task:
    clip: ListedClip
    existing: _Existing | None
    loading: dict[str, Any]


@dataclass(frozen=True)
class _Result:
    made: Made
    audio: bytes = b""
    image: bytes = b""


def _existing(path: Path) -> _Existing | None:
    image = path.with_suffix(".png")
    if not (path.is_file() and image.is_file()):
        return None
    try:
        recipe, pictured = read_recipe(path), read_png(image)
        seconds = files.describe(path).seconds
    except RiffkitError:
        return None
    if recipe is None or pictured.recipe is None:
        return None
    same = Recipe.from_dict(pictured.recipe).to_json() == recipe.to_json()
    return _Existing(recipe, pictured.grid, seconds) if same else None


def _work(task: _Task) -> _Result:
    """In a worker. Without its model no clip can be made: that alone is raised."""
    with single_thread():
        checkpoint = _checkpoint(task.loading)
        try:
            return _kept(checkpoint, task) or _painted(checkpoint, task)
        except ModelError:
            raise
        except RiffkitError as error:
            return _Result(Made(task.clip.path, error=str(error)))
        except Exception as error:
            return _Result(Made(task.clip.path, error=f"{type(error).__name__}: {error}"))


def _kept(checkpoint: Checkpoint, task: _Task) -> _Result | None:
    clip, there = task.clip, task.existing
    if there is None:
        return None
    request, recorded_seed = clip.request, there.recipe.arguments.get("seed")
    if clip.any_seed and isinstance(recorded_seed, int):
        request = replace(request, seed=recorded_seed)
    melody = _melody(clip)
    plan = plan_for(request, checkpoint, melody)
    if recipe_for(checkpoint, request, plan, melody).to_json() != there.recipe.to_json():
        return None
    return _Result(Made(clip.path, there.recipe, there.grid, there.seconds, kept=True))


def _painted(checkpoint: Checkpoint, task: _Task) -> _Result:
    clip = generate(checkpoint, task.clip.request, melody=_melody(task.clip))
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / f"clip{task.clip.path.suffix}"
        clip.image.save(audio.with_suffix(".png"))
        clip.save(audio)
        notes = (*checkpoint.notes, *clip.notes)
        made = Made(task.clip.path, clip.recipe, clip.image.grid, clip.seconds, notes)
        return _Result(made, audio.read_bytes(), audio.with_suffix(".png").read_bytes())


def _written(result: _Result) -> Made:
    made = result.made
    if made.error or made.kept:
        return made
    try:
        with atomic_path(made.path) as audio, atomic_path(made.path.with_suffix(".png")) as image:
            audio.write_bytes(result.audio)
            image.write_bytes(result.image)
    except OutputError as error:
        return Made(made.path, error=str(error))
    return made


def _melody(clip: ListedClip) -> Melody | None:
    if clip.melody is None:
        return None
    return read_melody(clip.melody, bpm=clip.request.bpm, beats_per_bar=clip.request.beats_per_bar)


# A process of a list makes many clips with one model; the list's end lets it go.
_LOADED: dict[str, Checkpoint] = {}


def _key(loading: Mapping[str, Any]) -> str:
    return repr(sorted(loading.items()))


def _checkpoint(loading: Mapping[str, Any]) -> Checkpoint:
    key = _key(loading)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = load_checkpoint(**loading)
    return _LOADED[key]
