"""Plays a MIDI file's events: which note sounds from when to when, and as what.

Roland's GS and Yamaha's XG say by system messages which parts are drums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

DRUM_CHANNEL = 9  # channel 10, counted from 1
BANK, VOLUME, PAN, EXPRESSION, REVERB = 0, 7, 10, 11, 91
OFF, ON, CONTROL, PROGRAM, SYSTEM = 0x8, 0x9, 0xB, 0xC, 0xF
SYSEX = 0xF0
_PEDAL, _SOUND_OFF, _RESET, _NOTES_OFF = 64, 120, 121, 123
_GS_PART, _XG_PART = b"\x41\x10\x42\x12\x40", b"\x43\x10\x4c\x08"
_XG_ON = b"\x43\x10\x4c\x00\x00\x7e\x00"
_XG_DRUM_BANKS, _GM2_DRUMS, _GM2_MELODY = (126, 127), 120, 121


class Event(NamedTuple):
    """`status` as sent; `data` are the two values, or what a meta event or system message holds."""

    tick: int
    track: int
    status: int
    data: bytes

    @property
    def is_setting(self) -> bool:
        """Whether it says how the next notes sound, or nothing of notes at all."""
        kind = self.status >> 4
        if kind == CONTROL:
            return self.data[0] in (BANK, VOLUME, PAN, EXPRESSION, REVERB)
        return kind in (PROGRAM, SYSTEM)


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


def play(events: Iterable[Event], ends: Sequence[int], *, pedal: bool) -> tuple[Played, ...]:
    """The notes by their start.

    A note that isn't ended ends with its track (at a tick of `ends`), or where it is struck again.
    With `pedal` the right one holds notes.
    """
    player = _Player(pedal)
    for event in events:
        player.take(event)
    player.finish(ends)
    return tuple(sorted(player.done, key=lambda note: (note.start, note.track, note.pitch)))


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


class _Player:
    def __init__(self, pedal: bool) -> None:
        self.has_pedal = pedal
        self.channels = [_Channel(number == DRUM_CHANNEL) for number in range(16)]
        self.sounding: dict[_Key, Played] = {}
        self.held: dict[_Key, Played] = {}  # by the pedal
        self.done: list[Played] = []
        self.is_xg = False

    def take(self, event: Event) -> None:
        tick, track, status, data = event
        kind, number = status >> 4, status & 0x0F
        if status == SYSEX:
            self.is_xg = self.is_xg or data.startswith(_XG_ON)
            _set_drums(self.channels, data)
        elif kind == ON and data[1]:
            self._strike((track, number, data[0]), tick, data[1])
        elif kind in (ON, OFF):
            self._release((track, number, data[0]), tick)
        elif kind == PROGRAM:
            self.channels[number].program = data[0]
        elif kind == CONTROL:
            self._control(number, tick, *data)

    def finish(self, ends: Sequence[int]) -> None:
        for notes in (self.sounding, self.held):
            for note in notes.values():
                self._end(note, ends[note.track])

    def _strike(self, key: _Key, tick: int, velocity: int) -> None:
        for notes in (self.sounding, self.held):
            if key in notes:
                self._end(notes.pop(key), tick)
        track, number, pitch = key
        channel = self.channels[number]
        bank = 0 if channel.is_drums else channel.bank
        said = (channel.controls.get(c, -1) for c in (VOLUME, EXPRESSION, PAN, REVERB))
        sound = (bank, channel.program, channel.is_drums)
        self.sounding[key] = Played(track, number, *sound, tick, tick, pitch, velocity, *said)

    def _release(self, key: _Key, tick: int) -> None:
        if key in self.sounding:
            note = self.sounding.pop(key)
            if self.channels[note.channel].pedal:
                self.held[key] = note
            else:
                self._end(note, tick)

    def _control(self, number: int, tick: int, control: int, value: int) -> None:
        channel = self.channels[number]
        if control == BANK:
            channel.bank = value
            if value in (_GM2_DRUMS, _GM2_MELODY):
                channel.is_drums = value == _GM2_DRUMS
            elif self.is_xg:
                channel.is_drums = value in _XG_DRUM_BANKS or number == DRUM_CHANNEL
        elif control in (_PEDAL, _RESET):
            channel.pedal = self.has_pedal and control == _PEDAL and value >= 64
            if not channel.pedal:
                self._end_all(self.held, number, tick)
            if control == _RESET:
                channel.controls.pop(EXPRESSION, None)
        elif control == _SOUND_OFF or control >= _NOTES_OFF:
            self._end_all(self.sounding, number, tick)
            self._end_all(self.held, number, tick)
        else:
            channel.controls[control] = value

    def _end_all(self, notes: dict[_Key, Played], number: int, tick: int) -> None:
        for key in [key for key in notes if key[1] == number]:
            self._end(notes.pop(key), tick)

    def _end(self, note: Played, tick: int) -> None:
        self.done.append(note._replace(end=max(tick, note.start + 1)))


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
