"""What a sound file states of its music, whatever program wrote it: tempo, key, beats."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from riffkit.audio import id3
from riffkit.audio.acid import Acid, read_acid
from riffkit.audio.comments import read_comments
from riffkit.audio.containers import riff_chunks

_TEMPO, _KEY, _LENGTH = ("TBPM", "BPM", "TEMPO"), ("TKEY", "INITIALKEY", "KEY"), "LOOPLENGTH"


@dataclass(frozen=True)
class Stated:
    """What isn't stated is None. `key` is as it stands there, `tonic` the root note in semitones
    above C. `loop` says whether it is one; `beats_per_bar` are quarter notes.
    """

    bpm: float | None = None
    key: str | None = None
    tonic: int | None = None
    loop: bool | None = None
    beats_per_bar: int | None = None


def stated(path: Path) -> Stated:
    """From the ID3 tag, the Vorbis comments or the `acid` chunk of a file."""
    try:
        texts = {**_frames(path), **read_comments(path)}
        acid = read_acid(path)
    except (IndexError, ValueError, struct.error):  # damaged, but it may be heard
        return Stated()
    bpm = next((found for name in _TEMPO if (found := _number(texts.get(name, "")))), None)
    loop = True if _LENGTH in texts else None
    if acid is None:
        return Stated(bpm, _first(texts), loop=loop)
    return Stated(
        bpm or (acid.bpm if math.isfinite(acid.bpm) and acid.bpm > 0 else None),
        _first(texts),
        tonic=None if acid.root is None else acid.root % 12,
        loop=acid.beats is not None,
        beats_per_bar=_quarters(acid),
    )


def _first(texts: dict[str, str]) -> str | None:
    return next((texts[name] for name in _KEY if texts.get(name)), None)


def _quarters(acid: Acid) -> int | None:
    upper, lower = acid.metre
    quarters, rest = divmod(upper * 4, lower) if lower else (0, 1)
    return quarters if quarters and not rest else None


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _frames(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        head = file.read(4)
        if head[:3] == b"ID3":
            file.seek(0)
            return id3.read_frames(file.read())
        if head != b"RIFF":
            return {}
        for chunk in riff_chunks(file):
            if chunk.name.lower() == b"id3 ":
                file.seek(chunk.start)
                return id3.read_frames(file.read(chunk.size))
    return {}
