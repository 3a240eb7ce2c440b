"""Where the soundfont is."""

from __future__ import annotations

import os
from pathlib import Path

from riffkit.errors import ParameterError

FILE_NAME = "FluidR3_GM.sf2"


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
