"""A contact sheet: the images of clips one below the other, to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

from riffkit.atomic import atomic_path
from riffkit.spectrogram.image import SpectrogramImage

_WIDTH, _HEIGHT, _LABEL, _GAP = 1024, 192, 18, 6


def save_sheet(path: Path, images: Mapping[str, SpectrogramImage]) -> None:
    """Write a PNG with each image at one size, its name above it."""
    row = _LABEL + _HEIGHT + _GAP
    sheet = Image.new("RGB", (_WIDTH, row * len(images)), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (name, image) in enumerate(images.items()):
        draw.text((4, k * row + 3), name, fill="black")
        sheet.paste(image.as_pil().resize((_WIDTH, _HEIGHT)), (0, k * row + _LABEL))
    with atomic_path(path) as temporary:
        sheet.save(temporary, "PNG")
