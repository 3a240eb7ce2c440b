"""The `acid` chunk of a WAV: how ACID, and after it most DAWs, know a loop's tempo and beats.

The layout is libsndfile's (wav.c, wav_read_acid_chunk): flags, root note, two unknowns, beats,
metre, tempo. Which number of the metre is first isn't documented. Reaper, Kontakt, Sample Manager
and Myriad take the upper one (libsndfile issue 190), libsndfile and JUCE the lower one. What is
written is for the former; what is read may be either.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from riffkit.audio.containers import riff_chunks

_ONE_SHOT, _ROOT_IS_SET, _STRETCHES = 1, 2, 4
_FORMAT = "<IHHfIHHf"
_ALWAYS = 0x8000
_MIDDLE_C = 60


@dataclass(frozen=True)
class Acid:
    """`beats` is None for a one-shot, which isn't to be looped or stretched. `root` is a MIDI note;
    `metre` is (3, 4) for 3/4.
    """

    bpm: float
    beats: int | None = None
    root: int | None = None
    metre: tuple[int, int] = (4, 4)

    def to_bytes(self) -> bytes:
        """The chunk's content."""
        flags = _ONE_SHOT if self.beats is None else _STRETCHES
        flags |= 0 if self.root is None else _ROOT_IS_SET
        root = _MIDDLE_C if self.root is None else self.root
        return struct.pack(_FORMAT, flags, root, _ALWAYS, 0, self.beats or 0, *self.metre, self.bpm)

    @classmethod
    def from_bytes(cls, content: bytes) -> Acid | None:
        """The inverse of `to_bytes`; None if the chunk is cut short."""
        if len(content) < struct.calcsize(_FORMAT):
            return None
        flags, root, _, _, beats, first, second, bpm = struct.unpack_from(_FORMAT, content)
        is_loop = beats and not flags & _ONE_SHOT
        return cls(
            bpm,
            beats=beats if is_loop else None,
            root=root if flags & _ROOT_IS_SET else None,
            metre=(first, second) if _is_unit(second) or not _is_unit(first) else (second, first),
        )


def _is_unit(number: int) -> bool:
    """Whether the lower number of a metre can be this: a half, a quarter, an eighth …"""
    return number in (1, 2, 4, 8, 16, 32)


def read_acid(path: Path) -> Acid | None:
    """The `acid` chunk of a file, None if it has none or isn't a WAV."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        for chunk in riff_chunks(file):
            if chunk.name == b"acid":
                file.seek(chunk.start)
                return Acid.from_bytes(file.read(chunk.size))
    return None
