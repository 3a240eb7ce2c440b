"""A soundfont made small: the presets that scores use, their samples as Ogg Vorbis (SF3).

SoundFont 2.04 (Creative, 2006), chapters 5 to 7. In SF3, MuseScore's kind, a sample's start and end
are bytes of the sample chunk, its loop counts from its own start, and a flag says "compressed".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.score.instruments import INSTRUMENTS, KITS

QUALITY = 0.2  # 0 (smallest) to 1
_COMPRESSED = 0x10
_INSTRUMENT, _SAMPLE = 41, 53  # generators that name what a zone plays
_DRUM_BANK = 128
_Pdta = dict[bytes, bytes]


def shrink_soundfont(source: Path, out: Path, *, quality: float = QUALITY) -> None:
    """Write the presets of riffkit's instruments and kits of an SF2 file to `out` as SF3.

    What others play is silent there. ParameterError where the file is no SF2.
    """
    data = source.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ParameterError(f"soundfont={str(source)!r}: is not an SF2 file; use FluidR3_GM.sf2")
    lists = {body[:4]: body[4:] for name, body in _chunks(data[12:]) if name == b"LIST"}
    samples = np.frombuffer(dict(_chunks(lists[b"sdta"]))[b"smpl"], "<i2")
    pdta = dict(_chunks(lists[b"pdta"]))
    used = _used_samples(pdta)
    headers, coded = bytearray(pdta[b"shdr"]), bytearray()
    for number in range(len(headers) // 46 - 1):  # the last one ends the list
        begin, end, loop, loop_end, rate = struct.unpack_from("<5I", headers, 46 * number + 20)
        place = len(coded)
        if number in used and end > begin:
            coded += _vorbis(samples[begin:end], rate, quality)
        coded += b"\0" * (len(coded) % 2)
        loops = (max(0, loop - begin), max(0, loop_end - begin))
        kind = struct.unpack_from("<H", headers, 46 * number + 44)[0] | _COMPRESSED
        struct.pack_into("<4I", headers, 46 * number + 20, place, len(coded), *loops)
        struct.pack_into("<H", headers, 46 * number + 44, kind)
    pdta[b"shdr"] = bytes(headers)
    with atomic_path(out) as path:
        path.write_bytes(_file(lists[b"INFO"], bytes(coded), pdta))


def _file(info: bytes, samples: bytes, pdta: _Pdta) -> bytes:
    parts = (
        _chunk(b"LIST", b"INFO" + info),
        _chunk(b"LIST", b"sdta" + _chunk(b"smpl", samples)),
        _chunk(b"LIST", b"pdta" + b"".join(_chunk(name, body) for name, body in pdta.items())),
    )
    return _chunk(b"RIFF", b"sfbk" + b"".join(parts))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _vorbis(samples: np.ndarray, rate: int, quality: float) -> bytes:
    coded = io.BytesIO()
    soundfile.write(
        coded, samples, rate, format="OGG", subtype="VORBIS", compression_level=1 - quality
    )
    return coded.getvalue()


def _used_samples(pdta: _Pdta) -> set[int]:
    wanted = {(0, p) for instrument in INSTRUMENTS.values() for p in instrument.programs}
    wanted |= {(_DRUM_BANK, program) for program in KITS.values()}
    instruments = set()
    for number in range(len(pdta[b"phdr"]) // 38 - 1):
        program, bank, first = struct.unpack_from("<3H", pdta[b"phdr"], 38 * number + 20)
        last = struct.unpack_from("<H", pdta[b"phdr"], 38 * (number + 1) + 24)[0]
        if (bank, program) in wanted:
            instruments |= set(
                _named(pdta[b"pbag"], pdta[b"pgen"], range(first, last), _INSTRUMENT)
            )
    found: set[int] = set()
    for number in instruments:
        first, last = (
            struct.unpack_from("<H", pdta[b"inst"], 22 * n + 20)[0] for n in (number, number + 1)
        )
        found |= set(_named(pdta[b"ibag"], pdta[b"igen"], range(first, last), _SAMPLE))
    return found


def _named(bags: bytes, generators: bytes, zones: Sequence[int], kind: int) -> Iterator[int]:
    """What the zones' generators of a kind name."""
    for zone in zones:
        first, last = (struct.unpack_from("<H", bags, 4 * n)[0] for n in (zone, zone + 1))
        for number in range(first, last):
            name, amount = struct.unpack_from("<2H", generators, 4 * number)
            if name == kind:
                yield amount
