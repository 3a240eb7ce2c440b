"""The chunks of a WAV that samplers and DAWs read: loop points, beats, bars, tempo and key."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

from riffkit.audio.acid import Acid
from riffkit.audio.containers import append_riff_chunk
from riffkit.audio.shown import SOFTWARE, Marker, Shown

_MIDDLE_C = 60
_ORIGINATOR = "riffkit"
_BEXT_VERSION = 1
_DESCRIPTION_BYTES = 256


def append_wav_chunks(file: BinaryIO, shown: Shown, *, sample_rate: int, n_samples: int) -> None:
    """Add them at the end of a WAV that is open for reading and writing.

    A loop of whole beats has `smpl` and `acid`; another clip is a one-shot, if its tempo is known.
    """
    for name, content in _chunks(shown, sample_rate, n_samples):
        append_riff_chunk(file, name, content)


def _chunks(shown: Shown, sample_rate: int, n_samples: int) -> Iterator[tuple[bytes, bytes]]:
    root = None if shown.tonic is None else _MIDDLE_C + shown.tonic
    yield b"bext", _bext(shown)
    yield b"iXML", _ixml(shown)
    if shown.beats is not None:
        yield b"smpl", _smpl(_MIDDLE_C if root is None else root, sample_rate, n_samples)
    if shown.bpm is not None:
        yield b"acid", Acid(shown.bpm, shown.beats, root, (shown.beats_per_bar, 4)).to_bytes()
    places = [round(one.seconds * sample_rate) for one in shown.markers]
    inside = [(p, one) for p, one in zip(places, shown.markers, strict=True) if p < n_samples]
    if inside:
        yield b"cue ", _cue([place for place, _ in inside])
        yield b"LIST", _labels([one for _, one in inside])


def _bext(shown: Shown) -> bytes:
    """The broadcast audio extension (EBU Tech 3285, section 2.3): description and originator.

    Reference, date, time, UMID and coding history aren't known, and empty. The description has to
    be ASCII, and some programs refuse the whole file where it isn't: a title in other letters is
    left to the other chunks.
    """
    description = _ascii(shown.title) or _ascii(_note(shown))
    reference, date, time, time_reference = b"", b"", b"", 0
    head = struct.pack(
        f"<{_DESCRIPTION_BYTES}s32s32s10s8sQH",
        description[:_DESCRIPTION_BYTES],
        _ORIGINATOR.encode(),
        reference,
        date,
        time,
        time_reference,
        _BEXT_VERSION,
    )
    return head + bytes(64 + 190)  # UMID, reserved


def _ascii(text: str) -> bytes:
    """A text without its accents; nothing of one in other letters."""
    plain = unicodedata.normalize("NFKD", text.replace("–", "-").replace("→", "->"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return plain.encode() if plain.isascii() else b""


def _note(shown: Shown) -> str:
    """The tempo and the key, and whether it is a loop: "84 BPM, C#m, loop"."""
    tempo = f"{shown.tempo} BPM" if shown.tempo else ""
    loop = "a loop" if shown.beats is not None else ""
    return ", ".join(filter(None, (tempo, shown.key, loop)))


def _smpl(unity_note: int, sample_rate: int, n_samples: int) -> bytes:
    """One loop of the whole sound for ever; its end is the last sample that is played
    (Multimedia Data Standards Update 3.0, 1994, "Sampler Chunk").
    """
    period_ns = round(1e9 / sample_rate)
    forward, for_ever = 0, 0
    head = struct.pack("<9I", 0, 0, period_ns, unity_note, 0, 0, 0, 1, 0)
    return head + struct.pack("<6I", 0, forward, 0, n_samples - 1, 0, for_ever)


def _cue(places: list[int]) -> bytes:
    """Points by number, in samples from the start (Multimedia Programming Interface and Data
    Specifications 1.0, 1991, "Cue-Points Chunk").
    """
    points = (
        struct.pack("<II4sIII", number, place, b"data", 0, 0, place)
        for number, place in enumerate(places, 1)
    )
    return struct.pack("<I", len(places)) + b"".join(points)


def _labels(markers: list[Marker]) -> bytes:
    """The names of the cue points, by number ("Associated Data Chunk" there)."""
    content = b"adtl"
    for number, marker in enumerate(markers, 1):
        text = struct.pack("<I", number) + marker.label.encode() + b"\0"
        content += struct.pack("<4sI", b"labl", len(text)) + text + bytes(len(text) % 2)
    return content


def _ixml(shown: Shown) -> bytes:
    """iXML 1.61 with the extensions that have music in them.

    ASWG is Sony's (ASWG-G006), which Reaper reads and writes; STEINBERG is what Cubase and Nuendo
    write.
    """
    root = ElementTree.Element("BWFXML")
    is_loop = shown.beats is not None
    _add(root, IXML_VERSION="1.61", PROJECT=shown.title, NOTE=_note(shown))
    has_tempo = bool(shown.tempo)
    _add(
        ElementTree.SubElement(root, "ASWG"),
        contentType="music",
        originator=SOFTWARE,
        songTitle=shown.title,
        genre=shown.genre,
        tempo=shown.tempo,
        timeSig=shown.metre if has_tempo else "",
        inKey=shown.key,
        isLoop=("true" if is_loop else "false") if has_tempo else "",
    )
    if shown.bpm is not None:
        listed = ElementTree.SubElement(ElementTree.SubElement(root, "STEINBERG"), "ATTR_LIST")
        _add_attribute(listed, "float", "MusicalTempo", f"{shown.bpm:.6f}")
        if shown.beats is not None:
            _add_attribute(listed, "int", "MusicalBeats", str(shown.beats))
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _add_attribute(listed: ElementTree.Element, kind: str, name: str, value: str) -> None:
    _add(ElementTree.SubElement(listed, "ATTR"), TYPE=kind, NAME=name, VALUE=value)


def _add(parent: ElementTree.Element, **texts: str) -> None:
    """A child for each text that isn't empty."""
    for name, text in texts.items():
        if text:
            ElementTree.SubElement(parent, name).text = text
