"""Names that say what is in a file: "lo-fi piano_80bpm_Am_2bars.wav"."""

from __future__ import annotations

import re

from riffkit.limits import bpm_text
from riffkit.prompt.key import MusicalKey, parse_key

_UNUSUAL = re.compile(r"[^\w ,.()&'#+-]+")
_MOST_CHARACTERS = 80  # of a part


def file_name(*parts: str, suffix: str) -> str:
    """A name for a file of these words: "lo-fi piano_80bpm_Am_2bars.wav"."""
    words = (" ".join(_UNUSUAL.sub(" ", part).split())[:_MOST_CHARACTERS] for part in parts)
    return "_".join(filter(None, words)).strip(".") + suffix


def clip_name(
    title: str,
    suffix: str,
    *,
    bpm: float | None = None,
    key: str | None = None,
    bars: int | None = None,
    part: str = "",
    transpose: float = 0.0,
) -> str:
    """The name of a clip's file; `part` is a track of it, `key` a key's name before `transpose`."""
    short = ""
    if key:
        own = parse_key(key)
        short = MusicalKey(round(own.tonic + transpose) % 12, own.mode).short_name
    facts = (
        "" if bpm is None else f"{bpm_text(bpm)}bpm",
        short,
        "" if bars is None else f"{bars}bar{'s' * (bars != 1)}",
    )
    return file_name(title or "riff", part, *facts, suffix=suffix)
