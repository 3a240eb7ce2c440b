"""Standard MIDI Files, read as forgivingly as players read them: which note sounds when, and how.

The file's form is that of the MIDI Manufacturers Association's "Standard MIDI Files 1.0" (RP-001);
RMID puts it into a RIFF chunk. What isn't taken is passed over by its length, so that it need not
be right. Roland's GS and Yamaha's XG say by system messages which parts are drums.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

DRUM_CHANNEL = 9  # channel 10, counted from 1
SMALLEST_UNIT = 6  # a 64th, as a power of two
_OFF, _ON, _CONTROL, _PROGRAM, _PRESSURE, _SYSTEM = 0x8, 0x9, 0xB, 0xC, 0xD, 0xF
_META, _SYSEX = 0xFF, (0xF0, 0xF7)
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_TEXT, _NAME, _MARKER, _TEMPO, _SIGNATURE, _KEY = 0x01, 0x03, 0x06, 0x51, 0x58, 0x59
_BANK, _VOLUME, _PAN, _EXPRESSION, _PEDAL, _REVERB = 0, 7, 10, 11, 64, 91
_SOUND_OFF, _RESET, _NOTES_OFF = 120, 121, 123
_GS_PART, _XG_PART = b"\x41\x10\x42\x12\x40", b"\x43\x10\x4c\x08"
_XG_ON = b"\x43\x10\x4c\x00\x00\x7e\x00"
_XG_DRUM_BANKS, _GM2_DRUMS, _GM2_MELODY = (126, 127), 120, 121
_NTSC = 29  # frames a second that are 30 / 1.001


class Played(NamedTuple):
    """A note in ticks, and its channel's controllers when it is struck; those not sent are -1."""

    track: int
    channel: int
    bank: int
    program: int
    is_drum: bool
    start: int
    end: int
    pitch: int
    velocity: int
    volume: int
    expression: int
    pan: int
    reverb: int


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
    events: list[_Event] = []
    ends: list[int] = []
    for number, (found, end) in enumerate(parsed):
        shift = ends[-1] if form == 2 and ends else 0
        events += [event._replace(tick=event.tick + shift, track=number) for event in found]
        ends.append(end + shift)
    # A channel's sound is set before its notes of the same tick, in whichever track.
    events.sort(key=lambda event: (event.tick, not event.is_setting))
    file = _described(MidiFile(division, end=max(ends, default=0), in_sequence=form == 2), events)
    return replace(file, notes=tuple(_play(events, ends, pedal=pedal)))


class _Event(NamedTuple):
    """`status` as sent; `data` are the two values, or what a meta event or system message holds."""

    tick: int
    track: int
    status: int
    data: bytes

    @property
    def is_setting(self) -> bool:
        kind = self.status >> 4
        if kind == _CONTROL:
            return self.data[0] in (_BANK, _VOLUME, _PAN, _EXPRESSION, _REVERB)
        return kind in (_PROGRAM, _SYSTEM)


def _tracks(data: bytes, begin: int) -> Iterator[bytes]:
    """The content of each track; other chunks are passed over."""
    place = begin
    while place + 8 <= len(data):
        name = data[place : place + 4]
        (size,) = struct.unpack(">I", data[place + 4 : place + 8])
        if name == b"MTrk":
            yield data[place + 8 : place + 8 + size]
        place += 8 + size


def _events(track: bytes) -> tuple[list[_Event], int]:
    """A track's events, wherever its end event comes, and the tick of the last."""
    found: list[_Event] = []
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
                found.append(_Event(tick, 0, status, bytes((kind,)) + track[place : place + size]))
                place += size
            elif status in _SYSEX:
                size, place = _number(track, place)
                found.append(_Event(tick, 0, 0xF0, track[place : place + size]))
                place += size
            elif status >> 4 == _SYSTEM:
                place += _SYSTEM_BYTES.get(status, 0)
            elif status >> 4 in (_PROGRAM, _PRESSURE):
                found.append(_Event(tick, 0, status, bytes((track[place] & 0x7F,))))
                place += 1
            elif status:
                values = bytes((track[place] & 0x7F, min(track[place + 1], 127)))
                found.append(_Event(tick, 0, status, values))
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


def _described(file: MidiFile, events: list[_Event]) -> MidiFile:
    """The file with what its meta events say."""
    tempi, signatures, keys, markers, texts = [], [], [], [], []
    names: dict[int, str] = {}
    for tick, track, status, data in events:
        if status != _META:
            continue
        kind, content = data[0], data[1:]
        if kind == _TEMPO and (tempo := int.from_bytes(content)):
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


@dataclass
class _Channel:
    """What the next note of a channel sounds like."""

    is_drums: bool
    bank: int = 0
    program: int = 0
    controls: dict[int, int] = field(default_factory=dict)
    pedal: bool = False


_Key = tuple[int, int, int]
"""Track, channel and pitch."""


def _play(events: list[_Event], ends: list[int], *, pedal: bool) -> list[Played]:
    """The notes by their start. One that isn't ended ends with its track, or where it is struck
    again."""
    channels = [_Channel(number == DRUM_CHANNEL) for number in range(16)]
    sounding: dict[_Key, Played] = {}
    held: dict[_Key, Played] = {}  # by the pedal
    done: list[Played] = []
    is_xg = False

    def end(notes: dict[_Key, Played], tick: int, channel: int) -> None:
        for key in [key for key in notes if key[1] == channel]:
            done.append(_ended(notes.pop(key), tick))

    for tick, track, status, data in events:
        kind, number = status >> 4, status & 0x0F
        if status == 0xF0:
            is_xg = is_xg or data.startswith(_XG_ON)
            _set_drums(channels, data)
        if kind == _SYSTEM:
            continue
        channel = channels[number]
        if kind in (_ON, _OFF):
            key = (track, number, data[0])
            if data[1] and kind == _ON:
                for notes in (sounding, held):
                    if key in notes:
                        done.append(_ended(notes.pop(key), tick))
                sounding[key] = _struck(channel, key, tick, data[1])
            elif key in sounding and channel.pedal:
                held[key] = sounding.pop(key)
            elif key in sounding:
                done.append(_ended(sounding.pop(key), tick))
        elif kind == _PROGRAM:
            channel.program = data[0]
        elif kind == _CONTROL:
            control, value = data
            if control == _BANK:
                channel.bank = value
                if value in (_GM2_DRUMS, _GM2_MELODY):
                    channel.is_drums = value == _GM2_DRUMS
                elif is_xg:
                    channel.is_drums = value in _XG_DRUM_BANKS or number == DRUM_CHANNEL
            elif control in (_PEDAL, _RESET):
                channel.pedal = pedal and control == _PEDAL and value >= 64
                if not channel.pedal:
                    end(held, tick, number)
                if control == _RESET:
                    channel.controls.pop(_EXPRESSION, None)
            elif control == _SOUND_OFF or control >= _NOTES_OFF:
                end(sounding, tick, number)
                end(held, tick, number)
            else:
                channel.controls[control] = value
    for notes in (sounding, held):
        done += [_ended(note, max(ends[note.track], note.start)) for note in notes.values()]
    return sorted(done, key=lambda note: (note.start, note.track, note.pitch))


def _struck(channel: _Channel, key: _Key, tick: int, velocity: int) -> Played:
    track, number, pitch = key
    bank = 0 if channel.is_drums else channel.bank
    said = (channel.controls.get(c, -1) for c in (_VOLUME, _EXPRESSION, _PAN, _REVERB))
    return Played(
        *(track, number, bank, channel.program, channel.is_drums),
        *(tick, tick, pitch, velocity, *said),
    )


def _ended(note: Played, tick: int) -> Played:
    return note._replace(end=max(tick, note.start + 1))


def _set_drums(channels: list[_Channel], message: bytes) -> None:
    """GS "use for rhythm part" and XG "part mode"; GS counts its parts from channel 10."""
    if len(message) > 7 and message.startswith(_GS_PART):
        part, control = message[5], message[6]
        if part >> 4 == 1 and control == 0x15:
            part &= 0x0F
            number = DRUM_CHANNEL if part == 0 else part - 1 if part <= DRUM_CHANNEL else part
            channels[number].is_drums = message[7] > 0
    elif len(message) > 6 and message.startswith(_XG_PART):
        number, control = message[4], message[5]
        if number < len(channels) and control == 0x07:
            channels[number].is_drums = message[6] > 0
