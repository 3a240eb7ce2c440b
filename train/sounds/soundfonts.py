"""The soundfonts that music is rendered with: FluidR3 and MuseScore General, both MIT.

tinysoundfont reads MuseScore General's compressed samples (.sf3) as they are: it takes some seconds
and 600 MB once in each process.
"""

from __future__ import annotations

import os
from pathlib import Path

from train.sounds.soundfont import find_soundfont

MUSESCORE_NAME = "MuseScore_General_Full.sf3"


def find_soundfonts() -> list[Path]:
    """FluidR3 (ParameterError where there is none), and MuseScore General where it is found.

    The second is RIFFKIT_SOUNDFONT_2, Debian's, or lies beside the first or in the user's cache.
    """
    first = find_soundfont()
    return [first, *_second(first)[:1]]


def _second(first: Path) -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    places = [
        Path("/usr/share/sounds/sf3") / MUSESCORE_NAME,
        first.parent / MUSESCORE_NAME,
        cache / "riffkit" / MUSESCORE_NAME,
    ]
    if named := os.environ.get("RIFFKIT_SOUNDFONT_2"):
        places.insert(0, Path(named).expanduser())
    return [place for place in places if place.is_file() and place.stat().st_size]
