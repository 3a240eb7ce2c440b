"""MP3 files by their frames, because their lengths are often guessed wrong.

libsndfile knows how long an MP3 is only from the Xing or Info frame at its head. Without one
(streams, cut files, some encoders) it guesses from the first frame's bitrate, and the rest of the
sound is lost. Here the frames are walked (ISO 11172-3, section 2.4.1.3), and where the head doesn't
say their number libsndfile gets a view of the file with a Xing frame that does.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from riffkit.audio.view import View

MAX_JUNK = 1 << 20
"""How far into a file its first frame is looked for."""

_MPEG_1, _LAYER_3 = 3, 1
_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_TAGS = (b"Xing", b"Info")
_VBRI_AT = 36  # behind the header, wherever the side information ends


class Header(NamedTuple):
    """A frame's header. `size` is the whole frame's in bytes, `kind` what all frames share."""

    kind: tuple[int, int]
    is_mono: bool
    size: int

    @property
    def tag_at(self) -> int:
        """Where a Xing or Info tag stands in the frame: behind the side information."""
        is_mpeg_1 = self.kind[0] == _MPEG_1
        return 4 + ({(True, False): 32, (False, True): 9}.get((is_mpeg_1, self.is_mono), 17))


def read_header(data: Any, start: int) -> Header | None:
    """The header of a layer III frame at `start`, or None where there is none."""
    four = data[start : start + 4]
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE0 != 0xE0:
        return None
    version, layer = four[1] >> 3 & 3, four[1] >> 1 & 3
    bitrate, rate, padding = four[2] >> 4, four[2] >> 2 & 3, four[2] >> 1 & 1
    if version == 1 or layer != _LAYER_3 or not 0 < bitrate < 15 or rate == 3:
        return None
    bits = _KILOBITS[version == _MPEG_1][bitrate] * (144_000 if version == _MPEG_1 else 72_000)
    return Header((version, rate), four[3] >> 6 == 3, bits // _RATES[version][rate] + padding)


@dataclass(frozen=True)
class Frames:
    """The sound of an MP3 file: where its whole frames lie, without tags and junk.

    `index` is where a Xing or Info frame stands at the head, `told` the number of frames by it,
    `is_cut` whether the file ends before it says. `is_plain`: only tags stand before all that.
    """

    first: Header
    spans: tuple[tuple[int, int], ...]
    n_frames: int
    index: tuple[int, int]
    told: int | None
    is_cut: bool
    is_plain: bool

    @property
    def needs_view(self) -> bool:
        """Whether libsndfile would take the length wrong."""
        return self.told != self.n_frames or not self.is_plain


def find_frames(data: Any) -> Frames | None:
    """Walk the frames of a file's bytes; None if it isn't layer III, or holds no whole frame."""
    tags_end = start = _behind_tags(data, 0)
    found = _next_frame(data, start, None, start + MAX_JUNK)
    if found is None:
        return None
    start, first = found
    is_plain = start == tags_end
    index = (start, start + first.size)
    told, is_cut = _told(data, start, first)
    spans: list[list[int]] = []
    n_frames = 0
    while True:
        header = read_header(data, start)
        if header is None or header.kind != first.kind or start + header.size > len(data):
            found = _next_frame(data, _behind_tags(data, start), first.kind, len(data))
            if found is None:
                break
            start, header = found
        end = start + header.size
        tag = data[start + header.tag_at : start + header.tag_at + 4]
        is_index = tag in _TAGS or data[start + _VBRI_AT : start + _VBRI_AT + 4] == b"VBRI"
        if not is_index:
            n_frames += 1
            if spans and spans[-1][1] == start:
                spans[-1][1] = end
            else:
                spans.append([start, end])
        start = end
    if not n_frames:
        return None
    places = tuple((a, b) for a, b in spans)
    return Frames(first, places, n_frames, index, told, is_cut, is_plain)


def _behind_tags(data: Any, start: int) -> int:
    """Where the tags (ID3v2, APEv2, ID3v1) that stand at `start` end."""
    while len(head := data[start : start + 32]) >= 10:
        if head.startswith(b"ID3"):
            size = 0
            for seven_bits in head[6:10]:
                size = size << 7 | seven_bits & 127
            start += 10 + size
        elif head.startswith(b"APETAGEX") and len(head) == 32:
            start += 32 + int(struct.unpack("<I", head[12:16])[0])
        elif head.startswith(b"TAG"):
            start += 128
        else:
            break
    return start


def _next_frame(
    data: Any, start: int, kind: tuple[int, int] | None, stop: int
) -> tuple[int, Header] | None:
    """The first frame from `start` on that another one, or the file's end, follows."""
    while (start := data.find(b"\xff", start, min(stop, len(data)))) >= 0:
        header = read_header(data, start)
        if header is not None and kind in (None, header.kind):
            end = start + header.size
            then = read_header(data, end)
            is_last = end == len(data) or data[end : end + 3] in (b"TAG", b"APE", b"ID3")
            if is_last or (then is not None and then.kind == header.kind):
                return start, header
        start += 1
    return None


def _told(data: Any, start: int, header: Header) -> tuple[int | None, bool]:
    """The number of frames by the tag in the first one, and whether bytes that it counts miss."""
    tag = data[start + header.tag_at : start + header.tag_at + 16]
    if tag[:4] not in _TAGS or len(tag) < 16:
        return None, False
    has_frames, has_bytes = tag[7] & 1, tag[7] & 2
    told = struct.unpack(">I", tag[8:12])[0] if has_frames else None
    size_at = 12 if has_frames else 8
    size = struct.unpack(">I", tag[size_at : size_at + 4])[0] if has_bytes else 0
    return told, start + size > len(data)


@contextmanager
def mapped(path: Path) -> Iterator[Any]:
    """A file's bytes, which aren't read before they are looked at."""
    with path.open("rb") as file:
        if file.seek(0, io.SEEK_END) == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def view(file: IO[bytes], frames: Frames) -> io.RawIOBase:
    """The file's frames alone, behind a Xing frame that says how many there are.

    The file's own one, if it is right, says how many samples of the first and last to leave out.
    """
    if frames.told == frames.n_frames:
        return View(file, b"", (frames.index, *frames.spans))
    return View(file, _xing_frame(frames), frames.spans)


def _xing_frame(frames: Frames) -> bytes:
    first = frames.first
    version, rate = first.kind
    protection_off = 1
    second = 0xE0 | version << 3 | _LAYER_3 << 1 | protection_off
    for bitrate in range(1, 15):  # the first that has room
        head = bytes([0xFF, second, bitrate << 4 | rate << 2, 0xC0 if first.is_mono else 0])
        header = read_header(head, 0)
        if header is not None and header.size >= header.tag_at + 120:
            break
    assert header is not None
    tag = b"Xing" + struct.pack(">II", 1, frames.n_frames)
    return (head + bytes(header.tag_at - 4) + tag).ljust(header.size, b"\0")
