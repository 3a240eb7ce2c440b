"""Spectrogram images as PNG files: written with all their tags, read with whatever is there."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from riffkit.atomic import atomic_path
from riffkit.errors import ImageFileError, OutputError, ParameterError
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.exif import (
    Tag,
    before_later_tags,
    exif_to_tags,
    image_to_tags,
    tags_to_bytes,
    tags_to_params,
)
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.png_stream import PNG_SIGNATURE, read_rgb, text_chunk, write_rgb

RECIPE_KEYWORD = "riffkit"
PARAMS_KEYWORD = "riffkit-params"
PHOTO_PLANE_DIFFERENCE = 24.0
"""Mean difference between planes, in levels, from which an untagged image is taken for a photo."""
MAX_PIXELS = 800_000_000
"""Four hours of sound; what claims to be more is damaged, or made to exhaust the memory."""
STREAMED_PIXELS = 32_000_000
"""Some ten minutes; longer images are not decoded by Pillow, which takes 2.3 times their size."""

# What Pillow raises for damaged files of one kind and another.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    OverflowError,
)


def write_png(path: str | Path, image: SpectrogramImage) -> None:
    """Write `image` whole or not at all: the same image gives the same bytes.

    The parameters go into EXIF tags, the recipe as JSON into the text chunk "riffkit".
    Raises OutputError where the place cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OutputError(f"cannot write {str(path)!r}: a spectrogram image must end in .png")
    chunks = [text_chunk(PARAMS_KEYWORD, _to_json(image.params.to_dict()))]
    if image.recipe is not None:
        chunks.append(text_chunk(RECIPE_KEYWORD, _to_json(image.recipe)))
    chunks.append((b"eXIf", tags_to_bytes(image_to_tags(image))))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        write_rgb(file, image.pixels, chunks)


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def read_png(path: str | Path, *, params: SpectrogramParams | None = None) -> SpectrogramImage:
    """Read a spectrogram image, this program's, riffusion's or anybody's.

    What its tags don't say is taken from `params`, by default riffusion-v1, and named in
    `assumed`. Raises ImageFileError for what isn't an image, or, where neither tags nor `params`
    say what it is, doesn't look like a spectrogram.
    """
    contents = _open(Path(path))
    try:
        return _interpret(contents, params)
    except (ParameterError, ImageFileError) as error:
        raise ImageFileError(f"cannot read {str(path)!r}: {error}") from error


@dataclass(frozen=True, eq=False)
class _Contents:
    pixels: UInt8[np.ndarray, "row frame 3"]
    tags: dict[Tag, float]
    stored_params: SpectrogramParams | None
    recipe: dict[str, Any] | None


def _open(path: Path) -> _Contents:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged tags are told as assumed parameters
            is_png = file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
            file.seek(0)
            # Image.open refuses sound of more than half an hour as a decompression bomb.
            image = PngImageFile(file) if is_png else Image.open(file)
            if image.width * image.height > MAX_PIXELS:
                raise ImageFileError(
                    f"cannot read {str(path)!r}: {image.width} x {image.height} px "
                    f"are more than {MAX_PIXELS}; cut it"
                )
            is_long = is_png and image.width * image.height > STREAMED_PIXELS
            pixels = read_rgb(file) if is_long else None
            return _Contents(
                pixels=_to_rgb(image) if pixels is None else pixels,
                tags=_tags(image),
                stored_params=_stored_params(image.info),
                recipe=_json_object(image.info.get(RECIPE_KEYWORD)),
            )
    except FileNotFoundError as error:
        raise ImageFileError(f"cannot read {str(path)!r}: no such file; check the name") from error
    except (PermissionError, IsADirectoryError) as error:
        raise ImageFileError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except _PILLOW_ERRORS as error:
        raise ImageFileError(
            f"cannot read {str(path)!r}: not an image, or a damaged one; give a spectrogram PNG"
        ) from error


def _to_rgb(image: Image.Image) -> UInt8[np.ndarray, "row frame 3"]:
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip at 255
        grey = (np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _tags(image: Image.Image) -> dict[Tag, float]:
    try:
        exif = image.getexif()
        # Pillow decodes a value when it is asked for it, so each can fail by itself.
        return exif_to_tags({tag: _value(exif, tag) for tag in Tag if tag in exif})
    except _PILLOW_ERRORS:
        return {}


def _value(exif: Image.Exif, tag: Tag) -> Any:
    try:
        return exif[int(tag)]
    except _PILLOW_ERRORS:
        return None


def _json_object(text: Any) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _stored_params(info: Mapping[Any, Any]) -> SpectrogramParams | None:
    values = _json_object(info.get(PARAMS_KEYWORD))
    try:
        return SpectrogramParams.from_dict(values) if values else None
    except (ParameterError, TypeError, ValueError):
        return None


def _interpret(contents: _Contents, params: SpectrogramParams | None) -> SpectrogramImage:
    pixels, tags, stored = contents.pixels, contents.tags, contents.stored_params
    if not tags and stored is None and params is None:
        _check_looks_like_spectrogram(pixels)
    read = tags_to_params(tags, stored or before_later_tags(params or RIFFUSION_V1, tags))
    if pixels.shape[0] != read.params.n_mels:
        raise ImageFileError(
            f"height={pixels.shape[0]}: must be {read.params.n_mels}, a row for each band; "
            "give the image in its original size, or a `preset` that fits"
        )
    assumed = tuple(name for name in read.assumed if stored is None or name == "max_value")
    return SpectrogramImage(
        pixels=pixels,
        params=read.params,
        max_value=read.max_value,
        grid=_grid(tags, pixels.shape[1]),
        transpose=tags.get(Tag.TRANSPOSE, 0.0),
        recipe=contents.recipe,
        assumed=assumed,
    )


def _grid(tags: Mapping[Tag, float], width: int) -> BeatGrid | None:
    """The beat grid that the tags name; the width says the beats, should the image be cut."""
    if Tag.BPM not in tags:
        return None
    if width % PIXELS_PER_BEAT:
        raise ImageFileError(
            f"width={width}: must be whole beats of {PIXELS_PER_BEAT} px, as its tag BPM says"
        )
    return BeatGrid(tags[Tag.BPM], width // PIXELS_PER_BEAT)


def _check_looks_like_spectrogram(pixels: UInt8[np.ndarray, "row frame 3"]) -> None:
    """Without tags and preset only riffusion-v1 is known by its looks."""
    height = pixels.shape[0]
    if height != RIFFUSION_V1.n_mels:
        raise ImageFileError(
            f"it has no spectrogram tags and height={height}, not {RIFFUSION_V1.n_mels}; "
            "give its `preset` if it is a spectrogram"
        )
    difference = plane_difference(pixels)
    if difference >= PHOTO_PLANE_DIFFERENCE:
        raise ImageFileError(
            f"it has no spectrogram tags and looks like a photo (colours differ by "
            f"{difference:.0f} levels); give its `preset` if it is a spectrogram"
        )


def plane_difference(pixels: UInt8[np.ndarray, "row frame 3"]) -> float:
    """The mean absolute difference between two colour planes, in levels, over the three pairs."""
    differences = []
    for first, second in combinations(range(3), 2):
        larger = np.maximum(pixels[:, :, first], pixels[:, :, second])
        smaller = np.minimum(pixels[:, :, first], pixels[:, :, second])
        differences.append((larger - smaller).mean())
    return float(np.mean(differences))
