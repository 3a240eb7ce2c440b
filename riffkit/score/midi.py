"""A score as a Standard MIDI File (format 1, RP-001): a track for each player, one for the drums.

The first track has the title, the tempo, the metre, the key, a marker for each section, and as text
the recipe that made it and all that MIDI can't say of the score.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from riffkit.atomic import atomic_path
from riffkit.score.notes import Score, Track

TICKS_PER_BEAT = 960
RECIPE_HEAD, SCORE_HEAD = "riffkit recipe ", "riffkit score "
_DRUM_CHANNEL = 9
_CHANNELS = tuple(channel for channel in range(16) if channel != _DRUM_CHANNEL)
MAX_PLAYERS = len(_CHANNELS)
_TEXT, _NAME, _MARKER, _END, _TEMPO, _METRE, _KEY = 0x01, 0x03, 0x06, 0x2F, 0x51, 0x58, 0x59
_BANK, _VOLUME, _PAN = 0, 7, 10
_FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7, "G#": 8}
_FIFTHS |= {"F": -1, "Bb": -2, "Eb": -3, "Ab": -4, "Db": -5}
"""Sharps (or flats, below 0) of each major key; a minor key has three less."""
_MINOR_FIFTHS = -3
LOUDEST_DB = -14.0
_LOUDEST, _DRUM_VOLUME = 127, 100
"""A track at LOUDEST_DB has that volume; its square is the amplitude (General MIDI)."""

Event = tuple[int, int, bytes]
"""Tick, order within the tick, and what is sent."""


def write_midi(path: Path, score: Score, *, title: str = "", recipe: str = "") -> None:
    """Write a score's file; raises OutputError if it can't be written there."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(midi_bytes(score, title=title, recipe=recipe))


def midi_bytes(score: Score, *, title: str = "", recipe: str = "") -> bytes:
    """The file's bytes: the same for the same score, title and recipe."""
    end = _ticks(float(score.n_beats))
    tracks = [_track(_conductor(score, title, recipe), end)]
    pitched = [track for track in score.tracks if not track.is_drums]
    assert len(pitched) <= MAX_PLAYERS, "neither a Brief nor a file that is read has more"
    for channel, track in zip(_CHANNELS, pitched, strict=False):
        volume = round(_LOUDEST * 10 ** (min(0.0, track.level_db - LOUDEST_DB) / 40))
        name = track.name or track.instrument
        tracks.append(_track(_played(track, name, channel, volume), end))
    if drums := [track for track in score.tracks if track.is_drums]:
        notes = tuple(note for track in drums for note in track.notes)
        kit = replace(drums[0], bank=0, notes=notes)
        tracks.append(_track(_played(kit, "drums", _DRUM_CHANNEL, _DRUM_VOLUME), end))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS_PER_BEAT) + b"".join(tracks)


def recipe_in(path: Path) -> str | None:
    """The recipe in a file of `write_midi`, "" if it was written without one; None if it is another
    program's.
    """
    data = path.read_bytes()
    _, found, rest = data.partition(RECIPE_HEAD.encode())
    if not found:
        return "" if SCORE_HEAD.encode() in data else None
    text = rest.decode("utf-8", "replace")
    _, end = json.JSONDecoder().raw_decode(text)
    return text[:end]


def key_of_fifths(fifths: int, *, is_minor: bool) -> int:
    """The tonic of a key signature with so many sharps, or flats below 0: 0 is C."""
    return (fifths - (_MINOR_FIFTHS if is_minor else 0)) * 7 % 12


def _conductor(score: Score, title: str, recipe: str) -> Iterable[Event]:
    facts = score.facts
    if recipe:  # before the title, whose words are the user's
        yield 0, 0, _meta(_TEXT, f"{RECIPE_HEAD}{recipe}".encode())
    said = json.dumps(score.to_dict(), ensure_ascii=False, separators=(",", ":"))
    yield 0, 0, _meta(_TEXT, f"{SCORE_HEAD}{said}".encode())
    if name := title or facts.style:
        yield 0, 0, _meta(_NAME, name.encode())
    yield 0, 0, _meta(_TEMPO, round(60e6 / facts.bpm).to_bytes(3))
    yield 0, 0, _meta(_METRE, bytes((facts.beats_per_bar, 2, 24, 8)))
    if facts.key is not None:
        fifths = _FIFTHS[facts.key] + (_MINOR_FIFTHS if facts.is_minor else 0)
        yield 0, 0, _meta(_KEY, struct.pack("bb", fifths, facts.is_minor))
    for section in score.sections:
        yield _ticks(section.start), 0, _meta(_MARKER, section.name.encode())


def _played(track: Track, name: str, channel: int, volume: int) -> Iterable[Event]:
    yield 0, 0, _meta(_NAME, name.encode())
    for control, value in (
        (_BANK, track.bank),
        (_VOLUME, volume),
        (_PAN, round(63.5 + 63.5 * track.pan)),
    ):
        yield 0, 1, bytes((0xB0 | channel, control, value))
    yield 0, 1, bytes((0xC0 | channel, track.program))
    for note in track.notes:
        begin, end = _ticks(note.start), _ticks(note.start + note.duration)
        yield begin, 3, bytes((0x90 | channel, note.pitch, note.velocity))
        yield max(end, begin + 1), 2, bytes((0x80 | channel, note.pitch, 0))


def _track(events: Iterable[Event], end: int) -> bytes:
    content, now = b"", 0
    ordered: Sequence[Event] = sorted(events, key=lambda event: event[:2])
    for tick, _, sent in ordered:
        content += _number(tick - now) + sent
        now = tick
    content += _number(max(0, end - now)) + _meta(_END, b"")
    return b"MTrk" + struct.pack(">I", len(content)) + content


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + _number(len(content)) + content


def _number(value: int) -> bytes:
    """A number of variable length, seven bits a byte."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def _ticks(beats: float) -> int:
    return round(beats * TICKS_PER_BEAT)
