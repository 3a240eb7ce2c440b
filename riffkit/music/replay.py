"""Reproduces a file from the recipe stored in it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from riffkit.atomic import atomic_path
from riffkit.audio import files
from riffkit.audio.encoding import Storage
from riffkit.audio.reader import describe
from riffkit.device import pick_device
from riffkit.errors import AudioFileError, ModelError, ParameterError
from riffkit.models.compute import Compute
from riffkit.models.locate import where_to_find
from riffkit.models.lora_file import lora_file
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.music.clip import Clip, recipe_of, recorded_recipe
from riffkit.music.codec import decode, encode
from riffkit.music.composing import Composition, composed, request_of
from riffkit.music.midi import is_midi
from riffkit.music.midi_score import read_score
from riffkit.music.registry import task as task_named
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.music.values import built
from riffkit.provenance.recipe import Recipe, sha256, versions
from riffkit.spectrogram.image import SpectrogramImage

_LOSSY = (".ogg", ".mp3")
_NOTES = ("score", "melody", "drums")
"""Files that aren't needed where the recipe holds their notes."""
Made = Clip | SpectrogramImage | Composition


@dataclass(frozen=True)
class Replay:
    """`compared`: "bytes", "samples", "pixels" or "notes"; `differences` explains `same=False`."""

    same: bool
    compared: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """Where to look for a file's inputs, besides its own folder; inputs are matched by hash.

    `model` is needed if the recipe's isn't bundled; `sources` and `loras` may be in any order.
    """

    made: Path
    model: str | None = None
    sources: Sequence[Path] = ()
    loras: Sequence[Path] = ()
    device: str = "auto"


def replay(
    path: str | Path,
    output: str | Path,
    *,
    model: str | None = None,
    sources: Sequence[str | Path] = (),
    loras: Sequence[str | Path] = (),
    device: str = "auto",
) -> Replay:
    """Regenerate a file from the recipe stored in it, and compare the two.

    Bytes are compared if the file was made with the same versions and thread count; otherwise
    samples, pixels or notes, and both recipes. For OGG and MP3, samples are always compared. The
    bits and the rate of an audio file are those of the original.

    Args:
        path: audio file, PNG or MIDI file made by riffkit.
        output: file to write, of the same kind.
        model: the model's location, if it isn't bundled.
        sources: files or folders to look for its inputs in, besides its own folder and the
            folders there; matched by hash.
        loras: files to look for its LoRAs in, besides its own folder; matched by hash.
        device: "auto", "cpu", "cuda" or "mps".

    Returns:
        Whether both are the same, what was compared, and what differs.

    Raises:
        ParameterError: the file has no recipe, or its inputs aren't found.
        ModelError: its model isn't found.

    Example:
        assert riffkit.replay("piano.wav", "again.wav").same
    """
    path, output = Path(path), Path(output)
    if output.suffix.lower() != path.suffix.lower():
        raise ParameterError(
            f"output={output.name!r}: must end in {path.suffix}, like the original"
        )
    recipe = recorded_recipe(path)
    made = remake(recipe, Places(path, model, [*map(Path, sources)], [*map(Path, loras)], device))
    now = recipe_of(made) if isinstance(made, SpectrogramImage) else made.recipe
    assert now is not None
    same_music = recipe.same_music(now)
    with tempfile.TemporaryDirectory() as folder, atomic_path(output) as temporary:
        again = Path(folder) / output.name
        _save(made, again, like=path)
        same_makers = (recipe.versions, recipe.threads) == (versions(), now.threads)
        if same_makers and not _is_lossy(path):
            compared, same = "bytes", path.read_bytes() == again.read_bytes()
        else:
            compared, same = _compared(path, again)
            same = same and same_music
        temporary.write_bytes(again.read_bytes())
    return Replay(same, compared, _differences(recipe, now, same_music))


def remake(recipe: Recipe, places: Places) -> Made:
    """Make a recipe's output: a clip, an image for `encode`, notes for `compose`."""
    if recipe.command == "compose":
        inputs = {name: _input_of(recipe, places, name) for name in recipe.inputs}
        return composed(request_of((), {**recipe.arguments, **inputs}))
    if recipe.command in ("encode", "decode"):
        path = _input_of(recipe, places, "file")
        if recipe.command == "decode":
            clip = decode(path, **recipe.arguments, device=places.device)
            # the input has the same hash, but may be renamed
            said = replace(clip.recipe, inputs=recipe.inputs)
            image = replace(clip.image, recipe=said.to_dict())
            title = Path(said.inputs["file"]["name"]).stem
            return replace(clip, recipe=said, image=image, title=title)
        model = None
        if recipe.model:
            model = places.model or str(recipe.model["name"])
            _check_model(recipe, places, load_pipeline(model, device="cpu"))
        image = encode(path, **recipe.arguments, model=model)
        return replace(image, recipe={**(image.recipe or {}), "inputs": recipe.inputs})
    return _painted(recipe, places)


def _painted(recipe: Recipe, places: Places) -> Clip:
    """Repeat a painting task."""
    try:
        task = task_named(recipe.command)
    except ParameterError as error:
        raise ParameterError(
            f"recipe command={recipe.command!r}: unknown; update riffkit"
        ) from error
    if recipe.command == "generate" and "melody" in recipe.inputs and recipe.score is None:
        raise ParameterError(
            f"{places.made.name!r}: an earlier version followed its melody in another way, so it "
            "can't be replayed; `riff generate` with its prompt and melody makes another"
        )
    values = dict(recipe.arguments)
    index, stem = values.pop("index", 0), values.pop("stem", None)
    values.pop("painting", None)
    request = built(task.request, values, where="recipe")
    held = _NOTES if recipe.score is not None else ()
    inputs = {
        name: identity.get("seed") or _input_of(recipe, places, name)
        for name, identity in recipe.inputs.items()
        if name not in held
    }
    session = Session(_model_of(recipe, places), recorded=recipe)
    prepared = prepare(session, Call(task, request, inputs)).as_recorded(recipe)
    clip = perform(session, prepared)[index]
    return clip if stem is None else clip.stem(stem)


def _model_of(recipe: Recipe, places: Places) -> Pipeline:
    loras = [_lora_of(lora, places) for lora in recipe.model.get("loras", ())]
    try:
        name = places.model or recipe.model.get("name", "")
        pipeline = load_pipeline(name, device=places.device, compute=_compute(recipe, places))
    except ModelError as error:
        raise ModelError(f"{error}; set its location with `model`") from error
    _check_model(recipe, places, pipeline)
    return pipeline.with_loras(loras)


def _check_model(recipe: Recipe, places: Places, pipeline: Pipeline) -> None:
    """Raise ModelError unless the model that is loaded is the recipe's."""
    wanted = recipe.model.get("fingerprint")
    if wanted in (None, pipeline.fingerprint):
        return
    raise ModelError(
        f"{places.made.name!r}: was made with model {recipe.model.get('name')!r} ({wanted}), but "
        f"{pipeline.name!r} ({pipeline.fingerprint}) is loaded; {where_to_find(wanted)}"
    )


def _compute(recipe: Recipe, places: Places) -> Compute:
    """The dtype that the clip was made with, if the device supports it."""
    try:
        compute = Compute(dtype=str(recipe.model.get("dtype", "auto")))
        compute.dtype_on(pick_device(places.device))
    except ParameterError:
        return Compute()
    return compute


def _lora_of(lora: dict[str, Any], places: Places) -> tuple[Path, float]:
    """The LoRA that a recipe names, by its hash: one of those given, else beside the file."""
    if not lora["sha256"]:  # training/samples.py
        raise ParameterError(
            f"{places.made.name!r}: was made during training, by weights that weren't kept; "
            "it can't be replayed"
        )
    for path in (*places.loras, places.made.with_name(lora["name"]), Path(lora["name"])):
        if path.exists() and sha256(lora_file(path)) == lora["sha256"]:
            return path, float(lora["weight"])
    raise ParameterError(
        f"lora={lora['name']!r}: not found beside {places.made.name!r}; "
        "set its location with `loras`"
    )


def _input_of(recipe: Recipe, places: Places, which: str) -> Path:
    """An input of the file, matched by hash: one of the given files, or in a given folder, beside
    the file, or in a folder there.
    """
    identity = recipe.inputs.get(which, {})
    name = identity.get("name", "")
    here = places.made.parent
    looked = [
        *(path / name if path.is_dir() else path for path in places.sources),
        here / name,
        *sorted(folder / name for folder in here.iterdir() if folder.is_dir()),
    ]
    found = [path for path in looked if path.is_file()]
    if not found:
        raise ParameterError(
            f"input={name!r}: not found beside {places.made.name!r}; "
            "set its location with `sources`"
        )
    for path in found:
        if sha256(path) == identity.get("sha256"):
            return path
    raise ParameterError(
        f"input={name!r}: no file that was found is the one that {places.made.name!r} was made "
        "from; set its location with `sources`"
    )


def _save(made: Made, path: Path, *, like: Path) -> None:
    """Write it with the bits and the rate of an audio file."""
    if isinstance(made, Composition) != is_midi(like):
        what = "notes" if isinstance(made, Composition) else "sound"
        raise ParameterError(f"{like.name!r}: its recipe makes {what}; choose the file it is of")
    if isinstance(made, Composition):
        made.save(path)
    elif path.suffix.lower() == ".png":
        (made.image if isinstance(made, Clip) else made).save(path)
    elif isinstance(made, Clip):
        stored = describe(like)
        storage = Storage.of(stored.subtype, stored.sample_rate)
        made.save(path, bits=storage.bits, sample_rate=storage.sample_rate)
    else:
        raise AudioFileError(f"{path.name!r}: its recipe makes an image, not audio")


def _is_lossy(path: Path) -> bool:
    return path.suffix.lower() in _LOSSY


def _compared(first: Path, second: Path) -> tuple[str, bool]:
    if first.suffix.lower() == ".png":
        one, other = SpectrogramImage.open(first), SpectrogramImage.open(second)
        facts = [(i.params, i.grid, i.transpose, i.max_value) for i in (one, other)]
        return "pixels", facts[0] == facts[1] and np.array_equal(one.pixels, other.pixels)
    if is_midi(first):
        return "notes", read_score(first).score == read_score(second).score
    samples, rate = files.load(first, allow_silence=True)
    other_samples, other_rate = files.load(second, allow_silence=True)
    return "samples", rate == other_rate and torch.equal(samples, other_samples)


def _differences(recipe: Recipe, now: Recipe, same_music: bool) -> tuple[str, ...]:
    """Differences from when the file was made: versions, threads, the model's weights."""
    found = [
        f"{package} {recipe.versions.get(package, 'unknown')} then, {version} now"
        for package, version in versions().items()
        if recipe.versions.get(package) != version
    ]
    if recipe.threads != now.threads:
        found.append(f"{recipe.threads} threads then, {now.threads} now")
    if now.model != recipe.model:
        found.append("another model")
    elif not same_music:
        found.append("another recipe")
    return tuple(found)
