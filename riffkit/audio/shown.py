"""What players, DJ programs and DAWs show of a file: title, tempo, key, bars, a loop's beats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from riffkit import __version__
from riffkit.limits import bpm_text

SOFTWARE = f"riffkit {__version__}"

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
"""Control characters, and the bytes of a file's name that aren't UTF-8."""


@dataclass(frozen=True)
class Marker:
    """A place in the sound, and what it is called."""

    seconds: float
    label: str


@dataclass(frozen=True)
class Shown:
    """`key` is as DJ programs write it ("Am", "F#"), `tonic` its semitones above C. `beats` is the
    length of a loop of whole beats, None for other clips. `markers` are its bars in order.
    `credits` are an artist, a date … by the names of riffkit/audio/tags.py, for a WAV.
    """

    title: str = ""
    bpm: float | None = None
    key: str = ""
    tonic: int | None = None
    beats: int | None = None
    beats_per_bar: int = 4
    genre: str = ""
    markers: tuple[Marker, ...] = ()
    credits: Mapping[str, str] = field(default_factory=dict)

    @property
    def tempo(self) -> str:
        """With at most two decimals."""
        return "" if self.bpm is None else bpm_text(self.bpm)

    @property
    def metre(self) -> str:
        return f"{self.beats_per_bar}/4"

    @property
    def readable(self) -> Shown:
        """The same in letters that every format can hold."""
        return replace(
            self,
            title=_readable(self.title),
            genre=_readable(self.genre),
            markers=tuple(Marker(one.seconds, _readable(one.label)) for one in self.markers),
            credits={name: _readable(text) for name, text in self.credits.items()},
        )


def _readable(text: str) -> str:
    return _UNREADABLE.sub(" ", text).strip()
