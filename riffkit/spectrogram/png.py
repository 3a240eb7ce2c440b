"""Spectrogram images as PNG files: writes all tags, and reads whatever tags exist."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from riffkit.atomic import atomic_path
from riffkit.errors import ImageFileError, OutputError, ParameterError
from riffkit.spectrogram.exif import Tag, exif_to_tags, tags_to_bytes
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.png_stream import PNG_SIGNATURE, read_rgb, text_chunk, write_rgb

RECIPE_KEYWORD = "riffkit"
PARAMS_KEYWORD = "riffkit-params"
SOFTWARE = "riffkit"
"""What a sheet of images names as its maker, in PNG's keyword for that."""
MAX_PIXELS = 800_000_000
"""Four hours of sound; a larger size means that the file is damaged or malicious."""
STREAMED_PIXELS = 32_000_000
"""About ten minutes; longer images are not decoded by Pillow, which needs 2.3 times their size."""

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


@dataclass(frozen=True, eq=False)
class PngContents:
    """A file's contents; `params` and `recipe` are None if missing."""

    pixels: UInt8[np.ndarray, "row frame 3"]
    tags: Mapping[Tag, int | float]
    params: SpectrogramParams | None = None
    recipe: Mapping[str, Any] | None = None

    def chunks(self) -> list[tuple[bytes, bytes]]:
        """The chunks besides the pixels: EXIF tags, and parameters and recipe as JSON text."""
        chunks = []
        if self.params is not None:
            chunks.append(text_chunk(PARAMS_KEYWORD, _to_json(self.params.to_dict())))
        if self.recipe is not None:
            chunks.append(text_chunk(RECIPE_KEYWORD, _to_json(self.recipe)))
        return [*chunks, (b"eXIf", tags_to_bytes(self.tags))]


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def write_png(path: str | Path, contents: PngContents) -> None:
    """Write a PNG atomically; the same contents give the same bytes.

    Raises OutputError if the path can't be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OutputError(f"cannot write {str(path)!r}: a spectrogram image must end in .png")
    with atomic_path(path) as temporary:
        write_contents(temporary, contents)


def write_contents(path: Path, contents: PngContents) -> None:
    """Write a PNG; raises OSError, and may leave half a file."""
    with path.open("wb") as file:
        write_rgb(file, contents.pixels, contents.chunks())


def read_png(path: str | Path) -> PngContents:
    """The readable contents of an image file of any kind; ImageFileError if there are none."""
    path = Path(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged tags are reported as assumed parameters
            is_png = file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
            file.seek(0)
            # Image.open refuses sound of more than half an hour as a decompression bomb.
            image = PngImageFile(file) if is_png else Image.open(file)
            if image.width * image.height > MAX_PIXELS:
                raise ImageFileError(
                    f"cannot read {str(path)!r}: {image.width} x {image.height} px "
                    f"is more than {MAX_PIXELS}; cut it"
                )
            is_long = is_png and image.width * image.height > STREAMED_PIXELS
            pixels = read_rgb(file) if is_long else None
            return PngContents(
                pixels=flattened(image, over=255) if pixels is None else pixels,
                tags=_tags(image),
                params=params_in(image.info),
                recipe=_json_object(image.info.get(RECIPE_KEYWORD)),
            )
    except FileNotFoundError as error:
        raise ImageFileError(f"cannot read {str(path)!r}: no such file; check the name") from error
    except (PermissionError, IsADirectoryError) as error:
        raise ImageFileError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except _PILLOW_ERRORS as error:
        raise ImageFileError(
            f"cannot read {str(path)!r}: not an image, or damaged; choose a spectrogram PNG"
        ) from error


def flattened(image: Image.Image, *, over: int) -> UInt8[np.ndarray, "row frame 3"]:
    """An image's pixels; what is transparent shows a ground of the level `over`."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip at 255
        gray = (np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (over, over, over, 255))
        image = Image.alpha_composite(ground, layer)
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


def params_in(info: Mapping[Any, Any]) -> SpectrogramParams | None:
    """The spectrogram parameters in a PNG's texts (Pillow's `info`), or None."""
    values = _json_object(info.get(PARAMS_KEYWORD))
    try:
        return SpectrogramParams.from_dict(values) if values else None
    except (ParameterError, TypeError, ValueError):
        return None
