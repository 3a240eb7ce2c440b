"""What players, DJ programs and DAWs show of a file: title, tempo, key, and a loop's beats."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from riffkit.audio import comments, id3
from riffkit.audio.containers import append_riff_chunk
from riffkit.limits import bpm_text

_ROOT_IS_SET, _STRETCHES = 2, 4
_MIDDLE_C = 60
_BEAT_IS_A_QUARTER = 4


@dataclass(frozen=True)
class Shown:
    """`key` is as DJ programs write it ("Am", "F#"), `tonic` its semitones above C. `beats` is the
    length of a loop of whole beats, None for other clips.
    """

    title: str = ""
    bpm: float | None = None
    key: str = ""
    tonic: int | None = None
    beats: int | None = None
    beats_per_bar: int = 4

    @property
    def tempo(self) -> str:
        """With at most two decimals."""
        return "" if self.bpm is None else bpm_text(self.bpm)


def write_shown(path: Path, shown: Shown) -> None:
    """Add it to a file that is otherwise written, in the fields that its format has.

    A WAV has its title among those of riffkit/audio/tags.py already.
    """
    suffix = path.suffix.lower()
    if suffix in (".flac", ".ogg"):
        named = {"TITLE": shown.title, "BPM": shown.tempo, "INITIALKEY": shown.key}
        add = comments.add_to_flac if suffix == ".flac" else comments.add_to_ogg
        add(path, {name: text for name, text in named.items() if text})
        return
    named = {"TIT2": shown.title, "TBPM": shown.tempo, "TKEY": shown.key}
    frames = b"".join(id3.text_frame(name, text) for name, text in named.items() if text)
    if suffix == ".mp3":
        path.write_bytes(id3.with_frames(path.read_bytes(), frames))
        return
    with path.open("r+b") as file:
        if frames:
            append_riff_chunk(file, b"id3 ", id3.with_frames(b"", frames))
        if shown.beats is not None:
            append_riff_chunk(file, b"acid", _acid(shown))


def _acid(shown: Shown) -> bytes:
    """A loop's tempo, root note and beats as ACID and after it most DAWs read them.

    The layout is libsndfile's (wav.c, wav_read_acid_chunk): flags, root, two unknowns, beats,
    meter, tempo.
    """
    flags, root = _STRETCHES, _MIDDLE_C
    if shown.tonic is not None:
        flags, root = flags | _ROOT_IS_SET, root + shown.tonic
    meter = _BEAT_IS_A_QUARTER, shown.beats_per_bar
    return struct.pack("<IHHfIHHf", flags, root, 0x8000, 0, shown.beats, *meter, shown.bpm)
