"""Many clips from a list of calls, by several workers.

A worker is sent a call and sends back the bytes of its files, so that it may be on a machine with
other disks; the files are written here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from riffkit.atomic import atomic_path, output_error
from riffkit.audio.encoding import Storage
from riffkit.audio.reader import describe
from riffkit.device import pick_device, single_thread
from riffkit.engine import available_cores, run_tasks
from riffkit.errors import ModelError, OutputError, RiffkitError
from riffkit.models.lora_file import parse_lora
from riffkit.models.pipeline import BUNDLED_DEFAULT, Pipeline, bundled_models, load_pipeline
from riffkit.music.batch_list import Entry
from riffkit.music.clip import Clip, read_recipe, recipe_of
from riffkit.music.outputs import Target, check_stems, stored_recipe, targets_of, write_stems
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.task import Call, files_of, numbered, slug
from riffkit.music.values import check_names
from riffkit.provenance.recipe import Recipe
from riffkit.score.stems import Stem
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage

_PLAIN = Storage()


@dataclass(frozen=True)
class ListedCall:
    """A call whose clips are to be made as `paths`.

    With `any_seed`, existing clips with another seed are kept too.
    """

    paths: tuple[Path, ...]
    call: Call[Any]
    any_seed: bool = False


@dataclass(frozen=True)
class Made:
    """The outcome of a listed clip: made, kept, or failed with `error`. Its two files are `path`
    and `image`.
    """

    path: Path
    image: Path
    recipe: Recipe | None = None
    grid: BeatGrid | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    kept: bool = False
    error: str = ""


def list_calls(
    entries: Sequence[Entry],
    folder: Path,
    *,
    seed: int,
    any_seed: bool = False,
    count: int = 1,
    defaults: Mapping[str, Any] | None = None,
) -> list[ListedCall]:
    """The calls of a list, `count` of each entry, for clips as FOLDER/NNN-<its words>.wav.

    Entries without a seed count up from `seed`, one per clip. `defaults` are values for entries
    that don't set them. Raises ParameterError, naming the entry, for an invalid value.
    """
    check_names(defaults or {}, {name for entry in entries for name in entry.names})
    n_digits = max(3, len(str(len(entries))))
    calls = []
    for index, entry in enumerate(entries):
        first = entry.call(defaults or {}, seed=seed)
        takes_any = any_seed and first.request.seed == seed
        n_each = first.task.n_clips(first.request)
        stem = f"{index + 1:0{n_digits}d}-{slug(first.title)}"
        paths = numbered(folder / f"{stem}.wav", count * n_each)
        for n in range(count):
            request = replace(first.request, seed=first.request.seed + n * n_each)
            mine = tuple(paths[n * n_each : (n + 1) * n_each])
            calls.append(ListedCall(mine, replace(first, request=request), takes_any))
        seed += count * n_each
    return calls


def make_all(
    calls: Sequence[ListedCall],
    loading: Mapping[str, Any],
    *,
    pipeline: Pipeline | None = None,
    engine: str = "local",
    workers: int | None = None,
    force: bool = False,
    storage: Storage = _PLAIN,
) -> Iterator[Made]:
    """Make the clips in order, and write each with its PNG as soon as it is done.

    What lies there already with the recipe that is asked for is kept, whichever versions made it,
    if it is stored as `storage` says. Raises OutputError, before any is made, where something lies
    there that isn't riffkit's own (unless `force`). A clip that can't be made doesn't stop the
    others: its `error` says why. `loading` are the arguments of load_pipeline, `pipeline` what they
    gave if this process has loaded it. `engine` and `workers` are riffkit/engine/run.py's, but for
    a local GPU, which one worker has for itself by default. Each clip is computed with one thread,
    so its bytes are the same whoever makes it.
    """
    for path in (path for listed in calls for path in listed.paths):
        storage.check(path)
    loading = _from_anywhere(loading)
    if engine == "local":
        on_cpu = pick_device(loading.get("device", "auto")).type == "cpu"
        if workers is None:
            workers = available_cores() if on_cpu else 1
        workers = min(workers, max(1, len(calls)))
    targets: list[list[Target]] = []
    work = (
        _Work(listed.call, mine, listed.any_seed, _existing(mine, storage), loading, storage)
        for listed, mine in zip(calls, targets, strict=True)
    )
    results = run_tasks(
        _work, work, engine=engine, workers=workers, name=lambda one: one.targets[0].audio.name
    )
    for folder in {path.parent for listed in calls for path in listed.paths}:
        _make_folder(folder)
    targets += [
        targets_of(listed.paths, inputs=files_of(listed.call), force=force) for listed in calls
    ]
    for listed, some in zip(calls, targets, strict=True):
        for target in some if getattr(listed.call.request, "stems", False) else ():
            check_stems(target.stems, inputs=files_of(listed.call), force=force)
    return _all_written(results, loading, pipeline)


def _all_written(
    results: Iterator[list[_Result]], loading: Mapping[str, Any], pipeline: Pipeline | None
) -> Iterator[Made]:
    if pipeline is not None:
        _LOADED[_key(loading)] = pipeline
    try:
        for some in results:
            yield from map(_written, some)
    finally:
        _LOADED.clear()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


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
    """An existing clip's recipe, the same in both files, and its other facts."""

    recipe: Recipe
    grid: BeatGrid | None
    seconds: float


@dataclass(frozen=True)
class _Work:
    """A call for a worker; `existing`: what lies there, where all of its clips do."""

    call: Call[Any]
    targets: list[Target]
    any_seed: bool
    existing: list[_Existing] | None
    loading: dict[str, Any]
    storage: Storage


@dataclass(frozen=True)
class _Result:
    """A clip's files; those of its stems by their names."""

    made: Made
    audio: bytes = b""
    image: bytes = b""
    stems: Mapping[str, bytes] = field(default_factory=dict)


def _existing(targets: Sequence[Target], storage: Storage) -> list[_Existing] | None:
    found = [_existing_clip(target, storage) for target in targets]
    there = [one for one in found if one is not None]
    return there if len(there) == len(found) else None


def _existing_clip(target: Target, storage: Storage) -> _Existing | None:
    path, image = target.audio, target.image
    if not (path.is_file() and image.is_file()):
        return None
    try:
        recipe, pictured = read_recipe(path), SpectrogramImage.open(image)
        drawn = recipe_of(pictured)
        stored = describe(path)
    except RiffkitError:
        return None
    if recipe is None or drawn is None or drawn.to_json() != recipe.to_json():
        return None
    wanted = Storage(storage.bits or 16, storage.sample_rate or pictured.params.sample_rate)
    if Storage.of(stored.subtype, stored.sample_rate) != wanted:
        return None
    return _Existing(recipe, pictured.grid, stored.seconds)


def _work(work: _Work) -> list[_Result]:
    """In a worker. Without its model no clip can be made: that alone is raised."""
    with single_thread():
        pipeline = _pipeline(work.loading)
        try:
            return _kept(pipeline, work) or _painted(pipeline, work)
        except ModelError:
            raise
        except RiffkitError as error:
            reason = str(error)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
    return [_Result(Made(one.audio, one.image, error=reason)) for one in work.targets]


def _kept(pipeline: Pipeline, work: _Work) -> list[_Result] | None:
    if work.existing is None:
        return None
    call, recorded_seed = work.call, work.existing[0].recipe.arguments.get("seed")
    if work.any_seed and isinstance(recorded_seed, int):
        call = replace(call, request=replace(call.request, seed=recorded_seed))
    prepared = prepare(Session(pipeline), call)
    for recipe, there, target in zip(prepared.recipes, work.existing, work.targets, strict=True):
        if not recipe.same_music(there.recipe):
            return None
        if recipe.arguments.get("stems") and _lacks_stems(target, recipe, prepared.plan.apart):
            return None
    return [
        _Result(Made(one.audio, one.image, there.recipe, there.grid, there.seconds, kept=True))
        for one, there in zip(work.targets, work.existing, strict=True)
    ]


def _lacks_stems(target: Target, recipe: Recipe, stems: Sequence[Stem]) -> bool:
    """Whether one of a clip's stems isn't there, or is another clip's."""
    found = set()
    for path in target.stems.glob(f"*{target.audio.suffix}"):
        stored = stored_recipe(path) or {}
        arguments = dict(stored.get("arguments", {}))
        found.add(arguments.pop("stem", ""))
        arguments.pop("painting", None)
        if arguments != json.loads(recipe.to_json())["arguments"]:
            return True
    return not {stem.name for stem in stems} <= found


def _painted(pipeline: Pipeline, work: _Work) -> list[_Result]:
    session = Session(pipeline)
    clips = perform(session, prepare(session, work.call))
    return [
        _result(target, clip, work.storage)
        for target, clip in zip(work.targets, clips, strict=True)
    ]


def _result(target: Target, clip: Clip, storage: Storage) -> _Result:
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / f"clip{target.audio.suffix}"
        clip.image.save(audio.with_suffix(".png"))
        clip.save(audio, bits=storage.bits, sample_rate=storage.sample_rate)
        notes = (*target.notes, *clip.notes)
        made = Made(target.audio, target.image, clip.recipe, clip.image.grid, clip.seconds, notes)
        asked = clip.recipe.arguments.get("stems") and clip.stems
        stems = clip.stem_files(audio.suffix, storage) if asked else {}
        return _Result(made, audio.read_bytes(), audio.with_suffix(".png").read_bytes(), stems)


def _written(result: _Result) -> Made:
    made = result.made
    if made.error or made.kept:
        return made
    try:
        if result.stems:
            write_stems(Target(made.path, made.image).stems, result.stems)
        with atomic_path(made.path) as audio, atomic_path(made.image) as image:
            audio.write_bytes(result.audio)
            image.write_bytes(result.image)
    except OutputError as error:
        return Made(made.path, made.image, error=str(error))
    return made


# A process of a list makes many clips with one model; the list's end lets it go.
_LOADED: dict[str, Pipeline] = {}


def _key(loading: Mapping[str, Any]) -> str:
    return repr(sorted(loading.items()))


def _pipeline(loading: Mapping[str, Any]) -> Pipeline:
    key = _key(loading)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = load_pipeline(**loading)
    return _LOADED[key]
