"""Tags in audio files: names and values of any length, in WAV, FLAC, OGG and MP3.

All tags go as one ASCII JSON object into the file's comment, the one field that every
container has and no reader shortens. Those that players know are repeated in fields of their own.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import soundfile

from riffkit.audio.containers import append_riff_chunk, riff_chunks

_INFO_IDS = {
    "title": b"INAM",
    "artist": b"IART",
    "copyright": b"ICOP",
    "date": b"ICRD",
    "album": b"IPRD",
    "genre": b"IGNR",
    "software": b"ISFT",
    "comment": b"ICMT",
}
"""The fields that players know, by soundfile's names, and what RIFF calls them."""


def tags_to_fields(tags: Mapping[str, str]) -> dict[str, str]:
    """The fields that carry `tags`: each known one on its own, and all in the comment.

    All are ASCII: MP3's are read as Latin-1 whatever they were written as.
    """
    shown = {name: text for name, text in tags.items() if name in _INFO_IDS and text.isascii()}
    return {**shown, "comment": json.dumps(dict(tags))} if tags else {}


def fields_to_tags(fields: Mapping[str, str]) -> dict[str, str]:
    """The inverse of `tags_to_fields`; the fields of another program's file as they are."""
    try:
        tags = json.loads(fields.get("comment", ""))
    except json.JSONDecodeError:
        tags = None
    if isinstance(tags, dict) and all(isinstance(text, str) for text in tags.values()):
        return tags
    return {name: text for name, text in fields.items() if text}


def set_fields(sound_file: soundfile.SoundFile, fields: Mapping[str, str]) -> None:
    """Give `fields` to a FLAC, OGG or MP3 file that is being written, before its samples."""
    for name, text in fields.items():
        setattr(sound_file, name, text)


def append_riff_fields(file: BinaryIO, fields: Mapping[str, str]) -> None:
    """Add `fields` to a WAV as a LIST chunk of type INFO.

    Not through libsndfile, which reads at most 2 kB of a WAV's comment and writes at most 32.
    """
    content = b"INFO"
    for name, text in fields.items():
        value = text.encode() + b"\0"
        content += _INFO_IDS[name] + struct.pack("<I", len(value)) + value + bytes(len(value) % 2)
    append_riff_chunk(file, b"LIST", content)


def read_riff_fields(path: Path) -> dict[str, str]:
    """The fields in the LIST chunks of a WAV."""
    names = {riff_id: name for name, riff_id in _INFO_IDS.items()}
    with path.open("rb") as file:
        return {
            names[riff_id]: value.rstrip(b"\0").decode(errors="replace")
            for chunk in list(riff_chunks(file))
            if chunk.name == b"LIST"
            for riff_id, value in _info_items(file, chunk.start, chunk.size)
            if riff_id in names
        }


def _info_items(file: BinaryIO, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    file.seek(start)
    content = file.read(size)
    position = 4
    while content.startswith(b"INFO") and position + 8 <= len(content):
        riff_id, length = struct.unpack_from("<4sI", content, position)
        yield riff_id, content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
