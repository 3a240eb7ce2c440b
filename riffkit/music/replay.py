"""The same output again, from the recipe that a file carries."""

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
from riffkit.device import pick_device
from riffkit.errors import AudioFileError, ModelError, ParameterError
from riffkit.models.compute import Compute
from riffkit.models.lora import lora_file
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.music.clip import Clip, read_recipe, recipe_of
from riffkit.music.codec import decode_file, encode_file
from riffkit.music.registry import tasks
from riffkit.music.run import perform, prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.music.values import built
from riffkit.provenance.recipe import Recipe, sha256, versions
from riffkit.spectrogram.image import SpectrogramImage

_LOSSY = (".ogg", ".mp3")


@dataclass(frozen=True)
class Replay:
    """`compared` is "bytes", "samples" or "pixels"; `differences` explains `same=False`."""

    same: bool
    compared: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """Where the things may be that a file came from, but beside it: they are known by their hashes.

    `model`, if the recipe's isn't bundled; `sources` and `loras` in any order.
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
    """Make a file again from the recipe that it carries, and compare.

    Bytes are compared where the same versions made it with as many threads, for the file says so;
    else samples or pixels, and what both recipes ask for; of OGG and MP3 always samples.

    Args:
        path: audio file or PNG made by riffkit.
        output: file to write, of the same kind.
        model: where its model is, if it isn't bundled.
        sources: files or folders where those that it was made from may be, if they aren't beside
            it or in a folder there; they are known by their hashes.
        loras: where its LoRAs may be, if not beside it; known by hash.
        device: "auto", "cpu", "cuda" or "mps".

    Returns:
        Whether both are the same, what was compared, and what differs.

    Raises:
        ParameterError: a file without a recipe, or whose inputs aren't found.
        ModelError: its model isn't here.

    Example:
        assert riffkit.replay("piano.wav", "again.wav").same
    """
    path, output = Path(path), Path(output)
    if output.suffix.lower() != path.suffix.lower():
        raise ParameterError(f"output={output.name!r}: must end in {path.suffix}, as the original")
    recipe = read_recipe(path)
    if recipe is None:
        raise ParameterError(f"{path.name!r}: carries no recipe, so it can't be replayed")
    made = remake(recipe, Places(path, model, [*map(Path, sources)], [*map(Path, loras)], device))
    now = made.recipe if isinstance(made, Clip) else recipe_of(made)
    assert now is not None
    same_music = recipe.same_music(now)
    with tempfile.TemporaryDirectory() as folder, atomic_path(output) as temporary:
        again = Path(folder) / output.name
        _save(made, again)
        same_makers = (recipe.versions, recipe.threads) == (versions(), torch.get_num_threads())
        if same_makers and not _is_lossy(path):
            compared, same = "bytes", path.read_bytes() == again.read_bytes()
        else:
            compared, same = _compared(path, again)
            same = same and same_music
        temporary.write_bytes(again.read_bytes())
    return Replay(same, compared, _differences(recipe, now, same_music))


def remake(recipe: Recipe, places: Places) -> Clip | SpectrogramImage:
    """What a recipe makes: a clip, or of `encode` an image."""
    if recipe.command in ("encode", "decode"):
        path = _input_of(recipe, places, "file")
        if recipe.command == "decode":
            clip = decode_file(path, **recipe.arguments, device=places.device)
            # the input is the same by its hash, whatever it is called now
            said = replace(clip.recipe, inputs=recipe.inputs)
            image = replace(clip.image, recipe=said.to_dict())
            return replace(clip, recipe=said, image=image)
        image = encode_file(path, **recipe.arguments)
        return replace(image, recipe={**(image.recipe or {}), "inputs": recipe.inputs})
    return _painted(recipe, places)


def _painted(recipe: Recipe, places: Places) -> Clip:
    """What a model made, perhaps from a clip."""
    if recipe.command not in tasks():
        raise ParameterError(f"recipe command={recipe.command!r}: not known here; update riffkit")
    task = tasks()[recipe.command]
    values = dict(recipe.arguments)
    index = values.pop("index", 0)
    request = built(task.request, values, where="recipe")
    inputs = {
        name: identity.get("seed") or _input_of(recipe, places, name)
        for name, identity in recipe.inputs.items()
    }
    session = Session(_model_of(recipe, places), recorded=recipe)
    prepared = prepare(session, Call(task, request, inputs)).as_recorded(recipe)
    return perform(session, prepared)[index]


def _model_of(recipe: Recipe, places: Places) -> Pipeline:
    loras = [_lora_of(lora, places) for lora in recipe.model.get("loras", ())]
    try:
        name = places.model or recipe.model.get("name", "")
        pipeline = load_pipeline(name, device=places.device, compute=_compute(recipe, places))
    except ModelError as error:
        raise ModelError(f"{error}; say where it is with `model`") from error
    return pipeline.with_loras(loras)


def _compute(recipe: Recipe, places: Places) -> Compute:
    """In the type that the clip was made in, where the device computes in it."""
    try:
        compute = Compute(dtype=str(recipe.model.get("dtype", "auto")))
        compute.dtype_on(pick_device(places.device))
    except ParameterError:
        return Compute()
    return compute


def _lora_of(said: dict[str, Any], places: Places) -> tuple[Path, float]:
    """The LoRA that a recipe names, by its hash: one of those given, else beside the file."""
    for path in (*places.loras, places.made.with_name(said["name"]), Path(said["name"])):
        if path.exists() and sha256(lora_file(path)) == said["sha256"]:
            return path, float(said["weight"])
    raise ParameterError(
        f"lora={said['name']!r}: the one that {places.made.name!r} came from isn't beside it; "
        "say where it is with `lora`"
    )


def _input_of(recipe: Recipe, places: Places, which: str) -> Path:
    """A file that something was made from, by its hash: one of those given, or of a folder that is
    given, else beside it or in a folder there."""
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
            f"input={name!r}: not beside {places.made.name!r}; say where it is with `sources`"
        )
    for path in found:
        if sha256(path) == identity.get("sha256"):
            return path
    raise ParameterError(
        f"input={found[0].name!r}: is not the file that {places.made.name!r} came from"
    )


def _save(made: Clip | SpectrogramImage, path: Path) -> None:
    if path.suffix.lower() == ".png":
        (made.image if isinstance(made, Clip) else made).save(path)
    elif isinstance(made, Clip):
        made.save(path)
    else:
        raise AudioFileError(f"{path.name!r}: its recipe makes an image, not sound")


def _is_lossy(path: Path) -> bool:
    return path.suffix.lower() in _LOSSY


def _compared(first: Path, second: Path) -> tuple[str, bool]:
    if first.suffix.lower() == ".png":
        one, other = SpectrogramImage.open(first), SpectrogramImage.open(second)
        facts = [(i.params, i.grid, i.transpose, i.max_value) for i in (one, other)]
        return "pixels", facts[0] == facts[1] and np.array_equal(one.pixels, other.pixels)
    samples, rate = files.load(first, allow_silence=True)
    other_samples, other_rate = files.load(second, allow_silence=True)
    return "samples", rate == other_rate and torch.equal(samples, other_samples)


def _differences(recipe: Recipe, now: Recipe, same_music: bool) -> tuple[str, ...]:
    """What is other than when the file was made: versions, threads, the model's weights."""
    found = [
        f"{package} {recipe.versions.get(package, 'unknown')} then, {version} now"
        for package, version in versions().items()
        if recipe.versions.get(package) != version
    ]
    if recipe.threads != torch.get_num_threads():
        found.append(f"{recipe.threads} threads then, {torch.get_num_threads()} now")
    if now.model != recipe.model:
        found.append("another model")
    elif not same_music:
        found.append("another recipe")
    return tuple(found)
