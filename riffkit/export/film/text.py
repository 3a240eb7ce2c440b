"""Words in a video's pictures: fonts, and titles that fit."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_BUNDLED = ""
"""Pillow's own scalable font (Aileron, CC0), which has ASCII and a few more."""
_SYSTEM = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf"),
    *("arial.ttf", "Arial.ttf", "Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "msyh.ttc"),
    *("YuGothM.ttc", "malgun.ttf", "Hiragino Sans GB.ttc", "PingFang.ttc"),
)
"""Looked for where a title has characters that the bundled one lacks."""
_ELLIPSIS = "…"
_MOST_LINES = 2
_LEAST_SHARE = 0.7


@lru_cache(maxsize=64)
def font(pixels: int, name: str = _BUNDLED) -> ImageFont.FreeTypeFont:
    """A font of a size; OSError if there is none of that name."""
    if name:
        return ImageFont.truetype(name, pixels)
    found = ImageFont.load_default(pixels)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


@lru_cache(maxsize=1024)
def _has(character: str, name: str) -> bool:
    """Whether a font has a character; what it lacks is drawn as the same box as no character."""
    missing = bytes(font(24, name).getmask("\U0010fffd"))
    return character.isspace() or bytes(font(24, name).getmask(character)) != missing


def drawable(text: str) -> tuple[str, str]:
    """A text on one line, and the name of a font that has its characters.

    Where none does, accents are left out, and then the characters that are still lacking.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    for name in (_BUNDLED, *_SYSTEM):
        try:
            if all(_has(character, name) for character in text):
                return text, name
        except OSError:  # not on this machine
            continue
    plain = unicodedata.normalize("NFKD", text.replace("–", "-").replace("ß", "ss"))
    kept = "".join(character for character in plain if _has(character, _BUNDLED))
    return " ".join(kept.split()), _BUNDLED


def fitted(text: str, name: str, width: int, pixels: int) -> tuple[list[str], int]:
    """A title on one line or two, and a size down to 70 % at which it fits; else its end is cut."""
    for size in range(pixels, round(_LEAST_SHARE * pixels) - 1, -1):
        lines = _wrapped(text, font(size, name), width)
        if len(lines) <= _MOST_LINES:
            break
    else:
        lines = [*lines[: _MOST_LINES - 1], " ".join(lines[_MOST_LINES - 1 :])]
    return [cut_to_fit(line, font(size, name), width) for line in lines], size


def _wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def cut_to_fit(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """A line whose end is cut where it is too long."""
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text.rstrip() + _ELLIPSIS) > width:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS


def words(
    text: str, pixels: int, color: tuple[int, int, int], ground: tuple[int, int, int]
) -> UInt8[np.ndarray, "row column 3"]:
    """A line of ASCII text on a ground, as wide as it is."""
    face = font(pixels)
    size = (max(1, round(face.getlength(text))), round(1.3 * pixels))
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).text((0, size[1] / 2), text, color, font=face, anchor="lm")
    return np.asarray(image)
