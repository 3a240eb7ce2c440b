"""ID3v2.3, the tag at the head of an MP3: text frames of any letters."""

from __future__ import annotations

import struct

_HEAD_BYTES = 10
_LATIN_1, _UTF_16 = b"\0", b"\1"
_CODECS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_EXTENDED = 0x40


def text_frame(name: str, text: str) -> bytes:
    """A frame such as TIT2 or TBPM (ID3v2.3, section 4.2)."""
    try:
        content = _LATIN_1 + text.encode("latin-1")
    except UnicodeEncodeError:
        content = _UTF_16 + text.encode("utf-16")  # with its byte order mark
    return struct.pack(">4sIH", name.encode(), len(content), 0) + content


def read_frames(data: bytes) -> dict[str, str]:
    """The text frames of an ID3v2.3 or 2.4 tag at the head of `data`, by their names."""
    if data[:3] != b"ID3" or data[3] not in (3, 4) or data[5] & _EXTENDED:
        return {}
    found, place, end = {}, _HEAD_BYTES, _HEAD_BYTES + _from_seven_bits(data[6:10])
    while place + _HEAD_BYTES <= end and data[place : place + 1] > b"\0":
        name, size = data[place : place + 4], data[place + 4 : place + 8]
        n_bytes = _from_seven_bits(size) if data[3] == 4 else int.from_bytes(size, "big")
        content = data[place + _HEAD_BYTES : place + _HEAD_BYTES + n_bytes]
        if name.startswith(b"T") and content and content[0] < len(_CODECS):
            text = content[1:].decode(_CODECS[content[0]], errors="replace")
            found[name.decode("latin-1")] = text.partition("\0")[0]
        place += _HEAD_BYTES + n_bytes
    return found


def with_frames(data: bytes, frames: bytes) -> bytes:
    """An MP3, or what follows a tag, with frames more in its tag, or in a new one."""
    old = b""
    if data.startswith(b"ID3\x03"):
        end = _HEAD_BYTES + _from_seven_bits(data[6:10])
        old, data = data[_HEAD_BYTES:end], data[end:]
    size = _to_seven_bits(len(frames) + len(old))
    return b"ID3\x03\0\0" + size + frames + old + data


def _to_seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _from_seven_bits(size: bytes) -> int:
    return sum(byte << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
