"""The notes of Standard MIDI Files, read as forgivingly as players read them.

The file's form is that of the MIDI Manufacturers Association's "Standard MIDI Files 1.0" (RP-001);
RMID puts it into a RIFF chunk. Only notes, tempi and metres are taken; what else stands there is
passed over by its length, so that it need not be right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.prompt.metre import Metre, metre_of

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
DEFAULT_BPM = 120.0
_DRUMS = 9  # channel 10, counted from 1
_NOTE_OFF, _NOTE_ON, _PROGRAM, _PRESSURE, _SYSTEM = 0x8, 0x9, 0xC, 0xD, 0xF
_META, _SYSEX, _TEMPO, _SIGNATURE = 0xFF, (0xF0, 0xF7), 0x51, 0x58
_SMALLEST_UNIT = 6  # a 64th, as a power of two
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_NTSC = 29  # frames a second that are 30 / 1.001


@dataclass(frozen=True)
class MidiNote:
    """`start` and `duration` in beats; `pitch` in semitones, 60 is middle C; `level` 0 to 1."""

    start: float
    duration: float
    pitch: int
    level: float


@dataclass(frozen=True)
class MidiSong:
    """All notes but the drums', by their start, and the first tempo and metre."""

    notes: tuple[MidiNote, ...]
    bpm: float
    metre: Metre | None = None


def is_midi(path: Path) -> bool:
    """Whether a file is MIDI by its name or its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith(b"MThd") or (head[:4] == b"RIFF" and head[8:] == b"RMID")


def read_midi(path: Path) -> MidiSong:
    """The notes of a MIDI file.

    Raises:
        ParameterError: it can't be read, says not how long a beat is, or has no notes but drums.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ParameterError(f"melody={path.name!r}: no such file") from error
    except OSError as error:
        raise ParameterError(f"melody={path.name!r}: can't be read ({error.strerror})") from error
    begin = data.find(b"MThd")
    if begin < 0 or len(data) < begin + 14:
        raise ParameterError(f"melody={path.name!r}: can't be read as MIDI")
    (division,) = struct.unpack(">H", data[begin + 12 : begin + 14])
    tracks = [list(_events(track)) for track in _tracks(data, begin)]
    tempi = sorted((e.tick, e.tempo) for track in tracks for e in track if e.tempo)
    bpm = 60e6 / tempi[0][1] if tempi else DEFAULT_BPM
    metres = sorted(
        ((e.tick, e.metre) for track in tracks for e in track if e.metre), key=lambda at: at[0]
    )
    ticks = _ticks_per_beat(division, bpm)
    if not ticks:
        raise ParameterError(
            f"melody={path.name!r}: has 0 ticks a beat, so its notes have no length; export it "
            "again"
        )
    played = [note for track in tracks for note in _notes(track, ticks)]
    notes = [note for channel, note in played if channel != _DRUMS]
    if not notes:
        what = "drums alone; choose a file with a melody" if played else "no notes"
        raise ParameterError(f"melody={path.name!r}: contains {what}")
    return MidiSong(
        tuple(sorted(notes, key=lambda note: (note.start, note.pitch))),
        bpm,
        metres[0][1] if metres else None,
    )


def _ticks_per_beat(division: int, bpm: float) -> float:
    """Ticks a beat, which the file says itself or by frames of film a second and ticks a frame."""
    if not division & 0x8000:
        return float(division)
    frames, ticks = 256 - (division >> 8), division & 0xFF
    return (30 / 1.001 if frames == _NTSC else frames) * ticks * 60 / bpm


def _tracks(data: bytes, begin: int) -> Iterator[bytes]:
    """The content of each track; other chunks are passed over."""
    place = begin
    while place + 8 <= len(data):
        name = data[place : place + 4]
        (size,) = struct.unpack(">I", data[place + 4 : place + 8])
        if name == b"MTrk":
            yield data[place + 8 : place + 8 + size]
        place += 8 + size


@dataclass(frozen=True)
class _Event:
    """A note, a tempo in microseconds a beat, or a metre; `velocity` 0 ends the note."""

    tick: int
    channel: int = 0
    pitch: int = 0
    velocity: int = 0
    tempo: int = 0
    metre: Metre | None = None


def _events(track: bytes) -> Iterator[_Event]:
    """What is taken, up to the end, wherever it comes; the last event is where the track ends."""
    place = tick = status = 0
    try:
        while place < len(track):
            wait, place = _number(track, place)
            tick += wait
            if track[place] & 0x80:
                status, place = track[place], place + 1
            if status == _META:
                kind = track[place]
                size, place = _number(track, place + 1)
                if kind == _TEMPO and (tempo := int.from_bytes(track[place : place + size])):
                    yield _Event(tick, tempo=tempo)
                if kind == _SIGNATURE and size >= 2 and track[place + 1] <= _SMALLEST_UNIT:
                    metre = metre_of(track[place], 2 ** track[place + 1])
                    if metre is not None:
                        yield _Event(tick, metre=metre)
                place += size
            elif status in _SYSEX:
                size, place = _number(track, place)
                place += size
            elif status >> 4 == _SYSTEM:
                place += _SYSTEM_BYTES.get(status, 0)
            elif status >> 4 in (_PROGRAM, _PRESSURE):
                place += 1
            elif status:
                pitch, value = track[place] & 0x7F, min(track[place + 1], 127)
                if status >> 4 in (_NOTE_ON, _NOTE_OFF):
                    velocity = value if status >> 4 == _NOTE_ON else 0
                    yield _Event(tick, status & 0x0F, pitch, velocity)
                place += 2
            else:  # a value before any status says what it is of
                place += 1
    except IndexError:  # the track is cut
        pass
    yield _Event(tick)


def _number(track: bytes, place: int) -> tuple[int, int]:
    """A number of variable length, seven bits a byte, and where it ends."""
    number = 0
    while True:
        number = number << 7 | track[place] & 0x7F
        place += 1
        if not track[place - 1] & 0x80:
            return number, place


def _notes(events: list[_Event], ticks: float) -> Iterator[tuple[int, MidiNote]]:
    """Channel and note; one that isn't ended ends with the track, or where it is struck again."""
    begun: dict[tuple[int, int], _Event] = {}
    end = events[-1].tick

    def note(first: _Event, tick: int) -> tuple[int, MidiNote]:
        length = max(tick - first.tick, 1) / ticks
        level = first.velocity / 127
        return first.channel, MidiNote(first.tick / ticks, length, first.pitch, level)

    for event in events[:-1]:
        if event.tempo or event.metre:
            continue
        key = (event.channel, event.pitch)
        if key in begun:
            yield note(begun.pop(key), event.tick)
        if event.velocity:
            begun[key] = event
    for first in begun.values():
        yield note(first, end)
