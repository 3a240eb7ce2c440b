"""Checks on the bytes of audio files: which are complete, and which bytes are random.

libsndfile reads a truncated WAV, OGG or MP3 up to the cut without an error, prints about files that
aren't audio, and writes the time of day into float WAVs and a random number into OGGs.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import BinaryIO, NamedTuple

from riffkit.audio.view import View
from riffkit.kinds import is_mpeg_frame

_STREAMED_SIZE = 0x7FFFF000
"""Writers that can't seek back leave a data size of at least this, which is meaningless."""


def may_be_mpeg(header: bytes) -> bool:
    """Whether a file that starts with `header` may be an MP3: by a tag, or a frame."""
    return header.startswith(b"ID3") or is_mpeg_frame(header)


def is_truncated(file: BinaryIO) -> bool:
    """Whether a file is shorter than its headers say (WAV, AIFF and OGG; mpeg.py knows MP3)."""
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic in (b"RIFF", b"RIFX", b"FORM"):
        return any(_is_cut(chunk, n_bytes) for chunk in riff_chunks(file))
    if magic == b"OggS":
        return _last_ogg_page_is_cut(file, n_bytes)
    return False


class Chunk(NamedTuple):
    """One chunk of a RIFF or AIFF file: its four-letter name and where its content lies."""

    name: bytes
    start: int
    size: int


def riff_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The top-level chunks of a WAV (RIFF, RIFX, RF64) or AIFF (FORM) file."""
    file.seek(0)
    head = "<4sI" if file.read(4) in (b"RIFF", b"RF64") else ">4sI"
    position = 12
    while file.seek(position) == position and len(header := file.read(8)) == 8:
        name, size = struct.unpack(head, header)
        yield Chunk(name, position + 8, size)
        position += 8 + size + size % 2


def _is_cut(chunk: Chunk, n_bytes: int) -> bool:
    is_sound = chunk.name in (b"data", b"SSND")
    return is_sound and chunk.size < _STREAMED_SIZE and chunk.start + chunk.size > n_bytes


def clear_peak_time(file: BinaryIO) -> None:
    """Zero the time of day that libsndfile writes into a float WAV's PEAK chunk."""
    for chunk in riff_chunks(file):
        if chunk.name == b"PEAK":
            file.seek(chunk.start + 4)
            file.write(bytes(4))
            return


def append_riff_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    """Add a chunk at the end of a RIFF file that is open for reading and writing."""
    odd_byte = bytes(file.seek(0, os.SEEK_END) % 2)
    file.write(odd_byte + name + struct.pack("<I", len(content)) + content)
    file.write(bytes(len(content) % 2))
    n_bytes = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", n_bytes - 8))


def unfinished_wav(file: BinaryIO) -> View | None:
    """A WAV whose recorder didn't come to write the sizes, with those that it has; else None."""
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != b"RIFF":
        return None
    chunks = list(riff_chunks(file))
    for chunk, then in zip_longest(chunks, chunks[1:]):
        if chunk.name == b"data":
            size = n_bytes - chunk.start
            is_empty = then is not None and then.start + then.size == n_bytes  # its tags follow
            if chunk.size or is_empty or not 0 < size < 1 << 32:
                return None
            file.seek(0)
            head = bytearray(file.read(chunk.start))
            head[4:8] = struct.pack("<I", min(n_bytes - 8, 0xFFFFFFFF))
            head[-4:] = struct.pack("<I", size)
            return View(file, bytes(head), ((chunk.start, n_bytes),))
    return None


def ogg_links(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each of an OGG file's streams lies that stand one after the other (RFC 3533, 4)."""
    starts: list[int] = []
    start, is_head = 0, False
    while (page := ogg_page(file, start)) is not None:
        file.seek(start + 5)
        begins = bool(file.read(1)[0] & 2)
        if begins and not is_head:
            starts.append(start)
        is_head = begins
        start += page.size
    return list(zip(starts, [*starts[1:], start], strict=True)) if starts else []


class OggPage(NamedTuple):
    """One page of an Ogg file: where it starts and how long its header and the whole are."""

    start: int
    header_size: int
    size: int


def ogg_page(file: BinaryIO, start: int) -> OggPage | None:
    """The page at `start`, or None where none begins (RFC 3533, section 6)."""
    file.seek(start)
    header = file.read(27)
    if len(header) < 27 or not header.startswith(b"OggS"):
        return None
    segment_sizes = file.read(header[26])
    header_size = 27 + header[26]
    return OggPage(start, header_size, header_size + sum(segment_sizes))


def _last_ogg_page_is_cut(file: BinaryIO, n_bytes: int) -> bool:
    tail_start = max(0, n_bytes - 2 * 65_536)
    file.seek(tail_start)
    found = file.read().rfind(b"OggS")
    page = ogg_page(file, tail_start + found) if found >= 0 else None
    return page is None or page.start + page.size > n_bytes


def set_ogg_serial(file: BinaryIO, serial: int) -> None:
    """Replace the random stream serial number of an Ogg file open for reading and writing."""
    start = 0
    while (page := ogg_page(file, start)) is not None:
        file.seek(start)
        content = bytearray(file.read(page.size))
        content[14:18] = struct.pack("<I", serial)
        content[22:26] = bytes(4)
        content[22:26] = struct.pack("<I", ogg_checksum(bytes(content)))
        file.seek(start)
        file.write(content)
        start += page.size


_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_checksum(page: bytes) -> int:
    """Ogg's CRC-32 by way of zlib's, which runs the same polynomial over reversed bits."""
    reversed_crc = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_crc:032b}"[::-1], 2)
