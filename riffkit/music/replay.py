"""The same output again, from the recipe that a file carries."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from riffkit.atomic import atomic_path
from riffkit.audio import files
from riffkit.device import pick_device
from riffkit.diffusion.checkpoint import Checkpoint, load_checkpoint
from riffkit.diffusion.compute import Compute
from riffkit.diffusion.lora import lora_file
from riffkit.errors import AudioFileError, ModelError, ParameterError
from riffkit.music.clip import Clip
from riffkit.music.codec import decode_file, encode_file
from riffkit.music.edit import EditRequest, edit
from riffkit.music.extend import ExtendRequest, extend
from riffkit.music.generate import GenerateRequest, generate
from riffkit.music.mask import read_mask
from riffkit.music.melody import read_melody
from riffkit.music.morph import MorphRequest, morph
from riffkit.music.recorded import read_recipe
from riffkit.music.request import PaintRequest
from riffkit.music.restyle import RestyleRequest, restyle
from riffkit.music.source import Source, open_source
from riffkit.music.story import LoopRequest, StoryRequest, loop, story
from riffkit.music.theme import Theme, open_theme
from riffkit.music.vary import VaryRequest, vary
from riffkit.recipe import Recipe, sha256, versions
from riffkit.spectrogram.image import SpectrogramImage

_LOSSY = (".ogg", ".mp3")


@dataclass(frozen=True)
class Replay:
    """`compared` is "bytes", or "samples" for OGG and MP3; `differences` explains `same=False`."""

    same: bool
    compared: str
    differences: tuple[str, ...]


def replay(
    path: Path, output: Path, *, model: str | None = None, source: Path | None = None,
    loras: Sequence[Path] = (), device: str = "auto",
) -> Replay:  # fmt: skip
    """Make `path` again as `output`, and compare.

    `model` says where the recipe's model is if it isn't bundled; `source` where its input is if
    not beside `path`; `loras` where its LoRAs are if not there either, in any order.
    """
    if output.suffix.lower() != path.suffix.lower():
        raise ParameterError(f"output={output.name!r}: must end in {path.suffix}, as the original")
    recipe = read_recipe(path)
    if recipe is None:
        raise ParameterError(f"{path.name!r}: carries no recipe, so it can't be replayed")
    places = _Places(path, model, source, loras, device)
    made = _make(recipe, places)
    with tempfile.TemporaryDirectory() as folder, atomic_path(output) as temporary:
        again = Path(folder) / output.name
        _save(made, again)
        same = _equal(path, again)
        temporary.write_bytes(again.read_bytes())
    lossy = path.suffix.lower() in _LOSSY
    return Replay(same, "samples" if lossy else "bytes", _differences(recipe, made))


@dataclass(frozen=True)
class _Places:
    """Where the things are that `made` came from."""

    made: Path
    model: str | None
    source: Path | None
    loras: Sequence[Path]
    device: str


def _make(recipe: Recipe, places: _Places) -> Clip | SpectrogramImage:
    if recipe.command == "encode":
        image = encode_file(_input_of(recipe, places.made, places.source), **recipe.arguments)
        # the input is the same by its hash, whatever it is called now
        return replace(image, recipe={**(image.recipe or {}), "input": recipe.input})
    if recipe.command == "decode":
        encoded = _input_of(recipe, places.made, places.source)
        clip = decode_file(encoded, **recipe.arguments, device=places.device)
        return replace(clip, recipe=replace(clip.recipe, input=recipe.input))
    return _painted(recipe, places)


def _painted(recipe: Recipe, places: _Places) -> Clip:
    """What a model made, perhaps from a clip."""
    if recipe.command not in _PAINTERS:
        raise ParameterError(f"recipe command={recipe.command!r}: not known here; update riffkit")
    loras = [_lora_of(lora, places) for lora in recipe.model.get("loras", ())]
    try:
        name = places.model or recipe.model.get("name", "")
        checkpoint = load_checkpoint(name, device=places.device, compute=_compute(recipe, places))
    except ModelError as error:
        raise ModelError(f"{error}; say where it is with --model") from error
    checkpoint = checkpoint.with_loras(loras)
    inputs = _Inputs(checkpoint, recipe, places.made, places.source)
    try:
        clip = _PAINTERS[recipe.command](checkpoint, dict(recipe.arguments), inputs)
    except TypeError as error:
        raise ParameterError("recipe: not one that this version of riffkit can read") from error
    # the input and the LoRAs are the same by their hashes, whatever they are called now
    said = {"loras": recipe.model["loras"]} if loras else {}
    facts = {**clip.recipe.model, **said}
    return replace(
        clip,
        recipe=replace(clip.recipe, input=recipe.input, model=facts),
        notes=(*checkpoint.notes, *clip.notes),
    )


def _compute(recipe: Recipe, places: _Places) -> Compute:
    """In the type that the clip was made in, where the device computes in it."""
    try:
        compute = Compute(dtype=str(recipe.model.get("dtype", "auto")))
        compute.dtype_on(pick_device(places.device))
    except ParameterError:
        return Compute()
    return compute


def _lora_of(said: dict[str, Any], places: _Places) -> tuple[Path, float]:
    """The LoRA that a recipe names, by its hash: one of those given, else beside the file."""
    for path in (*places.loras, places.made.with_name(said["name"]), Path(said["name"])):
        if path.exists() and sha256(lora_file(path)) == said["sha256"]:
            return path, float(said["weight"])
    raise ParameterError(
        f"lora={said['name']!r}: the one that {places.made.name!r} came from isn't beside it; "
        "say where with --lora"
    )


@dataclass(frozen=True)
class _Inputs:
    """The files that something was made from; `which` is "" for the main one, or "last."."""

    checkpoint: Checkpoint
    recipe: Recipe
    made: Path
    main: Path | None

    def __contains__(self, which: str) -> bool:
        return f"{which}name" in self.recipe.input

    def path(self, which: str = "") -> Path:
        return _input_of(self.recipe, self.made, self.main, which)

    def theme(self, request: PaintRequest) -> Theme | None:
        if not self.recipe.input:
            return None
        return open_theme(self.checkpoint, self.recipe.input.get("theme") or self.path(), request)

    def clip(self, request: PaintRequest, which: str = "") -> Source:
        return open_source(self.checkpoint, self.path(which), request)


def _generate(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = GenerateRequest(**values)
    if "melody." not in inputs:
        return generate(ck, request)
    path, beats = inputs.path("melody."), request.beats_per_bar
    return generate(ck, request, melody=read_melody(path, bpm=request.bpm, beats_per_bar=beats))


def _loop(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = LoopRequest(**{**values, "prompts": tuple(values["prompts"])})
    return loop(ck, request, theme=inputs.theme(request))


def _story(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = StoryRequest.from_arguments(values)
    return story(ck, request, theme=inputs.theme(request))


def _morph(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = MorphRequest(**values)
    first = inputs.clip(request) if "" in inputs else None
    last = inputs.clip(request, "last.") if "last." in inputs else None
    return morph(ck, request, first=first, last=last)


def _vary(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    index = values.pop("index")
    request = VaryRequest(**values)
    return vary(ck, request, inputs.clip(request))[index]


def _restyle(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = RestyleRequest(**values)
    return restyle(ck, request, inputs.clip(request))


def _edit(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    spans = {k: tuple(values[k]) for k in ("time", "freq") if values[k] is not None}
    request = EditRequest(**{**values, **spans})
    clip = inputs.clip(request)
    painted = read_mask(inputs.path("mask."), clip) if "mask." in inputs else None
    return edit(ck, request, clip, painted=painted)


def _extend(ck: Checkpoint, values: dict[str, Any], inputs: _Inputs) -> Clip:
    request = ExtendRequest(**values)
    return extend(ck, request, inputs.clip(request))


_PAINTERS = {
    "generate": _generate, "loop": _loop, "story": _story, "morph": _morph, "vary": _vary,
    "restyle": _restyle, "edit": _edit, "extend": _extend,
}  # fmt: skip


def _input_of(recipe: Recipe, path: Path, source: Path | None, which: str = "") -> Path:
    name = recipe.input.get(f"{which}name", "")
    found = source if source is not None and not which else path.with_name(name)
    if not found.is_file():
        raise ParameterError(f"input={name!r}: not beside {path.name!r}; say where with --source")
    if sha256(found) != recipe.input.get(f"{which}sha256"):
        raise ParameterError(f"input={found.name!r}: is not the file that {path.name!r} came from")
    return found


def _save(made: Clip | SpectrogramImage, path: Path) -> None:
    if path.suffix.lower() == ".png":
        (made.image if isinstance(made, Clip) else made).save(path)
    elif isinstance(made, Clip):
        made.save(path)
    else:
        raise AudioFileError(f"{path.name!r}: its recipe makes an image, not sound")


def _equal(first: Path, second: Path) -> bool:
    if first.suffix.lower() not in _LOSSY:
        return first.read_bytes() == second.read_bytes()
    samples, rate = files.load(first, allow_silence=True)
    other_samples, other_rate = files.load(second, allow_silence=True)
    return rate == other_rate and torch.equal(samples, other_samples)


def _differences(recipe: Recipe, made: Clip | SpectrogramImage) -> tuple[str, ...]:
    """What is other than when the file was made: versions, threads, the model's weights."""
    found = [
        f"{package} {recipe.versions.get(package, 'unknown')} then, {now} now"
        for package, now in versions().items()
        if recipe.versions.get(package) != now
    ]
    if recipe.threads != torch.get_num_threads():
        found.append(f"{recipe.threads} threads then, {torch.get_num_threads()} now")
    if isinstance(made, Clip) and made.recipe.model != recipe.model:
        found.append("another model")
    return tuple(found)
