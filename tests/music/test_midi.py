"""MIDI files as players play them, whatever else stands in them."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from riffkit.errors import ParameterError
from riffkit.music.brought import read_lead
from riffkit.music.midi import first_metre, is_midi, open_midi, usual_bpm
from riffkit.score.notes import Note

PITCHES = (60, 62, 64, 65, 67, 69, 71, 72)
TEMPO, END = b"\0\xff\x51\x03\x07\xa1\x20", b"\0\xff\x2f\0"
NOTES = [Note(float(k), 1.0, pitch, 100) for k, pitch in enumerate(PITCHES)]


def notes_of(path: Path) -> list[Note]:
    """All notes but the drums', in beats."""
    file = open_midi(path, option="melody", pedal=False)
    ticks = file.ticks_per_beat(usual_bpm(file))
    return [
        Note(n.start / ticks, (n.end - n.start) / ticks, n.pitch, n.velocity)
        for n in sorted(file.notes, key=lambda note: (note.start, note.pitch))
        if not n.is_drum
    ]


def delta(ticks: int) -> bytes:
    out = [ticks & 127]
    while ticks := ticks >> 7:
        out.insert(0, ticks & 127 | 128)
    return bytes(out)


def track(before: bytes = TEMPO, *, channel: int = 0, beat: int = 480, end: bytes = END) -> bytes:
    on, off = bytes([0x90 | channel]), bytes([0x80 | channel])
    sound = b"".join(
        b"\0" + on + bytes([n, 100]) + delta(beat) + off + bytes([n, 0]) for n in PITCHES
    )
    return before + sound + end


def file(*tracks: bytes, division: int = 480, between: bytes = b"", head: bytes = b"") -> bytes:
    kind = 1 if len(tracks) > 1 else 0
    body = b"".join(b"MTrk" + struct.pack(">I", len(one)) + one for one in tracks)
    header = struct.pack(">IHHH", 6 + len(head), kind, len(tracks), division) + head
    return b"MThd" + header + between + body


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


PLAIN = file(track())
RUNNING = (
    TEMPO
    + b"\0\x90\x3c\x64\x83\x60\x3c\x00"
    + b"".join(b"\0" + bytes([n, 100]) + b"\x83\x60" + bytes([n, 0]) for n in PITCHES[1:])
)


@pytest.mark.parametrize(
    "data",
    {
        "plain": PLAIN,
        "128 flats": file(track(TEMPO + b"\0\xff\x59\x02\x80\0")),
        "a key of no bytes": file(track(TEMPO + b"\0\xff\x59\0")),
        "a volume of 255": file(track(TEMPO + b"\0\xb0\x07\xff")),
        "RMID": b"RIFF" + struct.pack("<I", len(PLAIN) + 12) + b"RMID" + chunk(b"data", PLAIN),
        "other chunks": file(track(), between=b"XFIH" + struct.pack(">I", 5) + b"words"),
        "a long header": file(track(), head=b"more"),
        "no end": file(track(end=b"")),
        "words": file(track(TEMPO + b"\0\xff\x05\x03la \0\xff\x01\x02hm")),
        "system messages": file(track(TEMPO + b"\0\xf0\x03\x01\x02\xf7\0\xf3\x01\0\xf8")),
        "running status": file(RUNNING),
        "tempo of 0": file(track(b"\0\xff\x51\x03\0\0\0")),
        "no tempo": file(track(b"")),
        "drums beside": file(track(), track(b"", channel=9)),
        "junk behind": PLAIN + b"junk" * 30,
        "25 frames of 40": file(track(beat=500), division=(256 - 25) << 8 | 40),
    }.items(),
    ids=lambda item: item[0],
)
def test_the_notes_are_those_that_are_heard(tmp_path: Path, data: tuple[str, bytes]) -> None:
    path = tmp_path / "a tune"
    path.write_bytes(data[1])
    assert is_midi(path)
    assert usual_bpm(open_midi(path, option="melody")) == 120
    assert notes_of(path) == NOTES


SIGNATURE = b"\0\xff\x58\x04"


@pytest.mark.parametrize(
    ("signatures", "beats"),
    [
        ([], None),
        ([(3, 2)], 3),
        ([(6, 3)], 3),
        ([(4, 2), (3, 2)], 4),  # the first
        ([(0, 2), (3, 2)], 3),  # what nobody can count is passed over
        ([(4, 200), (5, 2)], 5),
        ([(255, 0)], None),
    ],
)
def test_the_first_metre_is_read(
    tmp_path: Path, signatures: list[tuple[int, int]], beats: int | None
) -> None:
    path = tmp_path / "a.mid"
    said = b"".join(SIGNATURE + bytes([count, unit, 24, 8]) for count, unit in signatures)
    path.write_bytes(file(track(TEMPO + said)))
    metre = first_metre(open_midi(path, option="melody"))
    assert (None if metre is None else metre.beats) == beats
    assert notes_of(path) == NOTES


def test_a_note_in_two_tracks_is_two_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(file(track(), track(b"", beat=240)))
    assert len(notes_of(path)) == 16


def test_29_frames_are_those_of_television(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(file(track(beat=1_200), division=(256 - 29) << 8 | 80))
    seconds = 1_200 / (30 / 1.001 * 80)
    assert notes_of(path)[1].start == pytest.approx(2 * seconds)


def test_a_note_without_end_ends_with_its_track(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(file(TEMPO + b"\0\x90\x3c\x64\x87\x40\xff\x2f\0"))
    assert notes_of(path) == [Note(0.0, 2.0, 60, 100)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (file(track(), division=0), "0 ticks a beat"),
        (file(track(channel=9)), "contains drums alone"),
        (file(TEMPO + END), "contains no notes"),
        (b"no music", "can't be read as MIDI"),
        (PLAIN[:12], "can't be read as MIDI"),
        (PLAIN[:30], "contains no notes"),
        (b"", "can't be read as MIDI"),
    ],
)
def test_what_has_no_tune_is_said(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(data)
    with pytest.raises(ParameterError, match=rf"^melody='a.mid': .*{says}"):
        read_lead(path)


def test_no_bytes_are_an_error_of_their_own(tmp_path: Path) -> None:
    """A thousand damaged files: each is read, or refused in a line."""
    chance = random.Random(1)
    whole = file(track(TEMPO + b"\0\xf0\x03\x01\x02\xf7"), track(b"", channel=3), between=b"x" * 9)
    path = tmp_path / "a.mid"
    for _ in range(1_000):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            place = chance.randrange(len(data))
            if chance.random() < 0.2:
                del data[place:]
            data[place : place + 1] = bytes([chance.randrange(256)])
        path.write_bytes(data)
        try:
            assert all(0 <= note.pitch < 128 and note.duration > 0 for note in notes_of(path))
        except ParameterError as error:
            assert "\n" not in str(error)


def test_a_metre_that_cannot_be_laid_out_ends_no_note(tmp_path: Path) -> None:
    """1/4 halfway through a note of the lowest pitch."""
    notes = b"\0\x90\0\x64" + delta(240) + b"\xff\x58\x04\x01\x02\x18\x08" + delta(480)
    (tmp_path / "a.mid").write_bytes(file(notes + b"\x80\0\0" + END))
    (note,) = notes_of(tmp_path / "a.mid")
    assert note.duration == 1.5
