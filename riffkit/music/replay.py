"""The same output again, from the recipe that a file carries."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from riffkit.atomic import atomic_path
from riffkit.audio import files
from riffkit.errors import AudioFileError, ModelError, ParameterError
from riffkit.music.clip import Clip
from riffkit.music.codec import decode_file, encode_file
from riffkit.recipe import TAG, Recipe, sha256, versions
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.png import read_png

_LOSSY = (".ogg", ".mp3")


@dataclass(frozen=True)
class Replay:
    """`compared` is "bytes", or "samples" for OGG and MP3; `differences` explains `same=False`."""

    same: bool
    compared: str
    differences: tuple[str, ...]


def read_recipe(path: Path) -> Recipe | None:
    """The recipe in a PNG or an audio file, None if it has none."""
    if path.suffix.lower() == ".png":
        values = read_png(path).recipe
        return None if values is None else Recipe.from_dict(values)
    text = files.read_tags(path).get(TAG)
    return None if text is None else Recipe.from_json(text)


def replay(
    path: Path, output: Path, *, model: str | None = None, source: Path | None = None,
    device: str = "auto",
) -> Replay:  # fmt: skip
    """Make `path` again as `output`, and compare.

    `model` says where the recipe's model is if it isn't bundled; `source` where its input is if
    not beside `path`.
    """
    if output.suffix.lower() != path.suffix.lower():
        raise ParameterError(f"output={output.name!r}: must end in {path.suffix}, as the original")
    recipe = read_recipe(path)
    if recipe is None:
        raise ParameterError(f"{path.name!r}: carries no recipe, so it can't be replayed")
    made = _make(recipe, path, model, source, device)
    with tempfile.TemporaryDirectory() as folder, atomic_path(output) as temporary:
        again = Path(folder) / output.name
        _save(made, again)
        same = _equal(path, again)
        temporary.write_bytes(again.read_bytes())
    lossy = path.suffix.lower() in _LOSSY
    return Replay(same, "samples" if lossy else "bytes", _differences(recipe, made))


def _make(
    recipe: Recipe, path: Path, model: str | None, source: Path | None, device: str
) -> Clip | SpectrogramImage:
    if recipe.command == "generate":
        from riffkit.diffusion.checkpoint import load_checkpoint
        from riffkit.music.generate import GenerateRequest, generate

        try:
            checkpoint = load_checkpoint(model or recipe.model.get("name", ""), device=device)
        except ModelError as error:
            raise ModelError(f"{error}; say where it is with --model") from error
        return generate(checkpoint, GenerateRequest(**recipe.arguments))
    if recipe.command == "encode":
        image = encode_file(_input_of(recipe, path, source), **recipe.arguments)
        # the input is the same by its hash, whatever it is called now
        return replace(image, recipe={**(image.recipe or {}), "input": recipe.input})
    if recipe.command == "decode":
        clip = decode_file(_input_of(recipe, path, source), **recipe.arguments, device=device)
        return replace(clip, recipe=replace(clip.recipe, input=recipe.input))
    raise ParameterError(f"recipe command={recipe.command!r}: not known here; update riffkit")


def _input_of(recipe: Recipe, path: Path, source: Path | None) -> Path:
    name = recipe.input.get("name", "")
    found = source or path.with_name(name)
    if not found.is_file():
        raise ParameterError(f"input={name!r}: not beside {path.name!r}; say where with --source")
    if sha256(found) != recipe.input.get("sha256"):
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
