"""The soundfonts that music is rendered with: FluidR3 and MuseScore General, both MIT.

tinysoundfont reads MuseScore General's compressed samples (.sf3) as they are: it takes some seconds
and 600 MB once in each process.
"""

from __future__ import annotations

import os
from pathlib import Path

from riffkit.errors import ParameterError

FILE_NAME = "FluidR3_GM.sf2"
MUSESCORE_NAME = "MuseScore_General_Full.sf3"


def find_soundfont() -> Path:
    """RIFFKIT_SOUNDFONT, else Debian's FluidR3_GM.sf2, else the one in the user's cache.

    Raises ParameterError where there is none.
    """
    named = os.environ.get("RIFFKIT_SOUNDFONT")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise ParameterError(
                f"RIFFKIT_SOUNDFONT={named} is not a file; set it to a .sf2 file "
                f"such as {FILE_NAME}"
            )
        return path
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    places = (Path("/usr/share/sounds/sf2") / FILE_NAME, cache / "riffkit" / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    raise ParameterError(
        f"soundfont={FILE_NAME} not found; install the Debian package fluid-soundfont-gm "
        "or set RIFFKIT_SOUNDFONT to a General MIDI .sf2 file"
    )


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
