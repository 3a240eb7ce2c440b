"""Players that were painted before: who asks for one of them again is given the same picture.

The last ones are kept in memory, those of a clip's stems in the folder of its stems.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from riffkit.errors import RiffkitError
from riffkit.provenance.recipe import versions
from riffkit.spectrogram.image import SpectrogramImage

Pixels = UInt8[np.ndarray, "row frame 3"]
_MOST_BYTES = 64 << 20
_RECENT: OrderedDict[str, Pixels] = OrderedDict()


def painting_of(facts: Mapping[str, Any]) -> str:
    """What is the same for pictures that are the same: a digest of all that they depend on."""
    text = json.dumps([facts, versions()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def tag_of(painting: str, pixels: Pixels) -> str:
    """What the file of a picture is tagged with: `painting`, and a digest of its pixels."""
    return f"{painting}-{hashlib.sha256(pixels.tobytes()).hexdigest()[:12]}"


def remember(painting: str, pixels: Pixels) -> None:
    """Keep a picture in memory; the oldest go where there is too much."""
    _RECENT[painting] = pixels
    _RECENT.move_to_end(painting)
    while len(_RECENT) > 1 and sum(one.nbytes for one in _RECENT.values()) > _MOST_BYTES:
        _RECENT.popitem(last=False)


def recall(painting: str, folder: Path | None = None) -> Pixels | None:
    """A picture from memory, or from a folder of stems; None if it isn't there."""
    if painting in _RECENT:
        return _RECENT[painting]
    if folder is None or not folder.is_dir():
        return None
    for path in sorted(folder.glob("*.png")):
        try:
            image = SpectrogramImage.open(path)
        except RiffkitError:
            continue
        stored = (image.recipe or {}).get("arguments", {}).get("painting")
        if stored == tag_of(painting, image.pixels):  # and nobody has painted over it
            return image.pixels
    return None
