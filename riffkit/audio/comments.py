"""Vorbis comments, the tags of FLAC and OGG: added to those that a file has."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from riffkit.audio.containers import ogg_checksum, ogg_page

_COMMENT_BLOCK = 4
_VORBIS_HEAD = b"\x03vorbis"
_PAGE_SEGMENTS = 255
_SEGMENT_BYTES = 255


def add_to_flac(path: Path, comments: Mapping[str, str]) -> None:
    """Add comments to a FLAC file's own (RFC 9639, section 8.6)."""
    data = path.read_bytes()
    start, end = _flac_block(data)
    block = _added(data[start + 4 : end], comments)
    head = data[start : start + 1] + len(block).to_bytes(3, "big")
    path.write_bytes(data[:start] + head + block + data[end:])


def _flac_block(data: bytes) -> tuple[int, int]:
    """Where a FLAC's block of comments begins, with its head, and ends."""
    start = 4
    while data[start] & 127 != _COMMENT_BLOCK:
        start += 4 + int.from_bytes(data[start + 1 : start + 4], "big")
    return start, start + 4 + int.from_bytes(data[start + 1 : start + 4], "big")


def add_to_ogg(path: Path, comments: Mapping[str, str]) -> None:
    """Add comments to the second packet of a Vorbis stream, and lay its pages out anew.

    The first packet has a page to itself, and the sound begins on a new page behind the third
    (Vorbis I, appendix A).
    """
    pages, n_heads = list(_pages(path)), 2
    while len(_packets(pages[1:n_heads])) < 2:
        n_heads += 1
    comment, setup = _packets(pages[1:n_heads])
    content = _added(comment[len(_VORBIS_HEAD) :].removesuffix(b"\1"), comments)
    heads = _paged(pages[0], [_VORBIS_HEAD + content + b"\1", setup])
    whole = [pages[0], *heads, *pages[n_heads:]]
    path.write_bytes(b"".join(_numbered(page, number) for number, page in enumerate(whole)))


def read_comments(path: Path) -> dict[str, str]:
    """The comments of a FLAC or an OGG Vorbis file by their names in capitals; none of others.

    Raises ValueError, IndexError or struct.error for damaged ones.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"fLaC":
        data = path.read_bytes()
        start, end = _flac_block(data)
        block = data[start + 4 : end]
    elif magic == b"OggS":
        block = _packets(list(islice(_pages(path), 1, None)))[0].removeprefix(_VORBIS_HEAD)
    else:
        return {}
    pairs = (text.decode(errors="replace").partition("=") for text in _texts(block))
    return {name.upper(): text for name, _, text in pairs}


def _added(block: bytes, comments: Mapping[str, str]) -> bytes:
    """A block of comments (vendor, how many, each with its size) with some more, in the place of
    those of the same names.
    """
    place = 4 + struct.unpack_from("<I", block)[0]
    names = {name.upper().encode() for name in comments}
    kept = [text for text in _texts(block) if text.partition(b"=")[0].upper() not in names]
    texts = [*kept, *(f"{name}={text}".encode() for name, text in comments.items())]
    sized = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return block[:place] + struct.pack("<I", len(texts)) + sized


def _texts(block: bytes) -> Iterator[bytes]:
    """Each comment of a block: NAME=text."""
    place = 4 + struct.unpack_from("<I", block)[0]
    n_texts = struct.unpack_from("<I", block, place)[0]
    place += 4
    for _ in range(n_texts):
        size = struct.unpack_from("<I", block, place)[0]
        yield block[place + 4 : place + 4 + size]
        place += 4 + size


def _pages(path: Path) -> Iterator[bytes]:
    start = 0
    with path.open("rb") as file:
        while (page := ogg_page(file, start)) is not None:
            file.seek(start)
            yield file.read(page.size)
            start += page.size


def _packets(pages: list[bytes]) -> list[bytes]:
    """The packets on some pages; one ends with a segment of less than 255 bytes."""
    packets, packet = [], b""
    for page in pages:
        place = 27 + page[26]
        for size in page[27 : 27 + page[26]]:
            packet += page[place : place + size]
            place += size
            if size < _SEGMENT_BYTES:
                packets.append(packet)
                packet = b""
    return packets


def _paged(like: bytes, packets: list[bytes]) -> list[bytes]:
    """Packets on pages of the same stream, none of which begins it."""
    sizes: list[int] = []
    for packet in packets:
        n_full, rest = divmod(len(packet), _SEGMENT_BYTES)
        sizes += [_SEGMENT_BYTES] * n_full + [rest]
    content, pages, place = b"".join(packets), [], 0
    for first in range(0, len(sizes), _PAGE_SEGMENTS):
        here = sizes[first : first + _PAGE_SEGMENTS]
        is_continued = first > 0 and sizes[first - 1] == _SEGMENT_BYTES
        head = like[:5] + bytes([is_continued]) + bytes(8) + like[14:26]
        part = content[place : place + sum(here)]
        place += sum(here)
        pages.append(head + bytes([len(here), *here]) + part)
    return pages


def _numbered(page: bytes, number: int) -> bytes:
    """A page with its number in the stream, and a checksum that fits."""
    plain = page[:18] + struct.pack("<I", number) + bytes(4) + page[26:]
    return plain[:22] + struct.pack("<I", ogg_checksum(plain)) + plain[26:]
