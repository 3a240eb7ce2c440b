"""Standard MIDI Files, read as forgivingly as players read them.

The file's form is that of the MIDI Manufacturers Association's "Standard MIDI Files 1.0" (RP-001);
RMID puts it into a RIFF chunk. What isn't taken is passed over by its length, so that it need not
be right.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from riffkit.score.midi_player import PROGRAM, SYSEX, SYSTEM, Event, Played, play

SMALLEST_UNIT = 6  # a 64th, as a power of two
_META, _SYSEXES, _PRESSURE = 0xFF, (0xF0, 0xF7), 0xD
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_TEXT, _NAME, _MARKER, _TEMPO, _SIGNATURE, _KEY = 0x01, 0x03, 0x06, 0x51, 0x58, 0x59
_NTSC = 29  # frames a second that are 30 / 1.001


@dataclass(frozen=True)
class MidiFile:
    """A file as it is played; `end` and all first numbers are ticks.

    `tempi` are microseconds a beat, `signatures` a count and a power of two, `keys` sharps and
    whether it is minor. `names` are those of the tracks by their numbers.
    """

    division: int
    notes: tuple[Played, ...] = ()
    tempi: tuple[tuple[int, int], ...] = ()
    signatures: tuple[tuple[int, int, int], ...] = ()
    keys: tuple[tuple[int, int, bool], ...] = ()
    markers: tuple[tuple[int, str], ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    end: int = 0
    in_sequence: bool = False
    """Format 2: its tracks are songs that follow one another."""

    def ticks_per_beat(self, bpm: float) -> float:
        """Said by the file itself, or by frames of film a second and ticks a frame."""
        if not self.division & 0x8000:
            return float(self.division)
        frames, ticks = 256 - (self.division >> 8), self.division & 0xFF
        return (30 / 1.001 if frames == _NTSC else frames) * ticks * 60 / bpm


def parse_midi(data: bytes, *, pedal: bool = True) -> MidiFile | None:
    """A file's content; None if it isn't MIDI. With `pedal` the right one holds notes."""
    begin = data.find(b"MThd")
    if begin < 0 or len(data) < begin + 14:
        return None
    form, _, division = struct.unpack(">HHH", data[begin + 8 : begin + 14])
    parsed = [_events(track) for track in _tracks(data, begin)]
    events: list[Event] = []
    ends: list[int] = []
    for number, (found, end) in enumerate(parsed):
        shift = ends[-1] if form == 2 and ends else 0
        events += [event._replace(tick=event.tick + shift, track=number) for event in found]
        ends.append(end + shift)
    # A channel's sound is set before its notes of the same tick, in whichever track.
    events.sort(key=lambda event: (event.tick, not event.is_setting))
    file = _described(MidiFile(division, end=max(ends, default=0), in_sequence=form == 2), events)
    return replace(file, notes=play(events, ends, pedal=pedal))


def _tracks(data: bytes, begin: int) -> Iterator[bytes]:
    """The content of each track; other chunks are passed over."""
    place = begin
    while place + 8 <= len(data):
        name = data[place : place + 4]
        (size,) = struct.unpack(">I", data[place + 4 : place + 8])
        if name == b"MTrk":
            yield data[place + 8 : place + 8 + size]
        place += 8 + size


def _events(track: bytes) -> tuple[list[Event], int]:
    """A track's events, wherever its end event comes, and the tick of the last."""
    found: list[Event] = []
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
                found.append(Event(tick, 0, status, bytes((kind,)) + track[place : place + size]))
                place += size
            elif status in _SYSEXES:
                size, place = _number(track, place)
                found.append(Event(tick, 0, SYSEX, track[place : place + size]))
                place += size
            elif status >> 4 == SYSTEM:
                place += _SYSTEM_BYTES.get(status, 0)
            elif status >> 4 in (PROGRAM, _PRESSURE):
                found.append(Event(tick, 0, status, bytes((track[place] & 0x7F,))))
                place += 1
            elif status:
                values = bytes((track[place] & 0x7F, min(track[place + 1], 127)))
                found.append(Event(tick, 0, status, values))
                place += 2
            else:  # a value before any status says what it is of
                place += 1
    except IndexError:  # the track is cut
        pass
    return found, tick


def _number(track: bytes, place: int) -> tuple[int, int]:
    """A number of variable length, seven bits a byte, and where it ends."""
    number = 0
    while True:
        number = number << 7 | track[place] & 0x7F
        place += 1
        if not track[place - 1] & 0x80:
            return number, place


def _described(file: MidiFile, events: list[Event]) -> MidiFile:
    """The file with what its meta events say."""
    tempi, signatures, keys, markers, texts = [], [], [], [], []
    names: dict[int, str] = {}
    for tick, track, status, data in events:
        if status != _META:
            continue
        kind, content = data[0], data[1:]
        if kind == _TEMPO and (tempo := int.from_bytes(content[:3])):
            tempi.append((tick, tempo))
        elif kind == _SIGNATURE and len(content) >= 2 and content[1] <= SMALLEST_UNIT:
            signatures.append((tick, content[0], content[1]))
        elif kind == _KEY and len(content) >= 2:
            (fifths,) = struct.unpack("b", content[:1])
            if -7 <= fifths <= 7:
                keys.append((tick, fifths, content[1] == 1))
        elif kind == _MARKER and (name := _line(content)):
            markers.append((tick, name))
        elif kind == _NAME and (name := _line(content)):
            names.setdefault(track, name)
        elif kind == _TEXT:
            texts.append(_text(content))
    return replace(
        file,
        tempi=tuple(tempi),
        signatures=tuple(signatures),
        keys=tuple(keys),
        markers=tuple(markers),
        names=names,
        texts=tuple(texts),
    )


def _text(content: bytes) -> str:
    """UTF-8, or what older programs wrote."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _line(content: bytes) -> str:
    return " ".join(_text(content).replace("\0", " ").split())
