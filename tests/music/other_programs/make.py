"""Makes the MIDI files beside it with three other programs, and writes how each reads its own.

    pip install pretty_midi midiutil mido music21 && python tests/music/other_programs/make.py

MIDIUtil only writes; mido plays its file. A note is [start in s, duration in s, pitch, velocity].
"""

# mypy: ignore-errors
from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import midiutil
import mido
import music21
import pretty_midi

HERE = Path(__file__).parent
CHANCE = random.Random(5)


def line(
    n_notes: int, low: int, steps: tuple[float, ...]
) -> Iterator[tuple[float, float, int, int]]:
    """Start, length, pitch, velocity."""
    now = 0.0
    for _ in range(n_notes):
        step = CHANCE.choice(steps)
        yield (
            now,
            step * CHANCE.choice((0.5, 0.9, 1)),
            low + CHANCE.randrange(24),
            CHANCE.randrange(30, 127),
        )
        now += step


def by_pretty_midi(path: Path) -> list[list[float]]:
    song = pretty_midi.PrettyMIDI(resolution=220, initial_tempo=97.0)
    song.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0))
    song.key_signature_changes.append(pretty_midi.KeySignature(14, 0))
    for program, name, low, steps in (
        (0, "Grand", 60, (0.3, 0.61, 0.155)),
        (33, "Bass", 30, (0.3, 0.61)),
        (58, "Tuba", 36, (0.61, 1.22)),
        (-1, "Kit", 35, (0.155, 0.31)),
    ):
        player = pretty_midi.Instrument(max(program, 0), is_drum=program < 0, name=name)
        for start, length, pitch, velocity in line(20, low, steps):
            player.notes.append(pretty_midi.Note(velocity, pitch, start, start + length))
        song.instruments.append(player)
    song.write(str(path))
    read = pretty_midi.PrettyMIDI(str(path))
    return [
        [note.start, note.end - note.start, note.pitch, note.velocity]
        for player in read.instruments
        for note in player.notes
    ]


def by_midiutil(path: Path) -> list[list[float]]:
    song = midiutil.MIDIFile(3, ticks_per_quarternote=384, file_format=1)
    song.addTempo(0, 0, 133)
    song.addTimeSignature(0, 0, 6, 3, 24)
    for track, (channel, program, low) in enumerate(((0, 73, 60), (1, 48, 50), (9, 0, 36))):
        song.addTrackName(track, 0, f"Part {track}")
        song.addProgramChange(track, channel, 0, program)
        song.addControllerEvent(track, channel, 0, 7, 90 - 10 * track)
        song.addControllerEvent(track, channel, 0, 10, 30 + 40 * track)
        for start, length, pitch, velocity in line(25, low, (0.5, 0.25, 1, 1 / 3)):
            song.addNote(track, channel, pitch, start, length, velocity)
    with path.open("wb") as file:
        song.writeFile(file)
    now, sounding, found = 0.0, {}, []
    for message in mido.MidiFile(path):  # as it plays
        now += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.channel, message.note] = now, message.velocity
        elif message.type in ("note_on", "note_off"):
            start, velocity = sounding.pop((message.channel, message.note))
            found.append([start, now - start, message.note, velocity])
    return found


def by_music21(path: Path) -> list[list[float]]:
    score = music21.stream.Score()
    for player, low in (("Violin", 60), ("Violoncello", 40), ("Piano", 55)):
        part = music21.stream.Part()
        part.insert(0, getattr(music21.instrument, player)())
        part.insert(0, music21.tempo.MetronomeMark(number=72))
        part.insert(0, music21.meter.TimeSignature("4/4"))
        part.insert(0, music21.key.Key("e"))
        for _ in range(16):
            note = music21.note.Note(low + CHANCE.randrange(20))
            note.quarterLength = CHANCE.choice((0.5, 1, 1.5))
            note.volume.velocity = CHANCE.randrange(40, 120)
            part.append(note)
        score.insert(0, part)
    score.write("midi", fp=str(path))
    read = music21.converter.parse(str(path), forceSource=True).stripTies()
    beat = 60 / 72
    return [
        [float(n.offset) * beat, float(n.quarterLength) * beat, n.pitch.midi, n.volume.velocity]
        for part in read.parts
        for n in part.flatten().notes
    ]


if __name__ == "__main__":
    for make in (by_pretty_midi, by_midiutil, by_music21):
        name = make.__name__.removeprefix("by_")
        notes = sorted(
            [round(a, 4), round(b, 4), c, d] for a, b, c, d in make(HERE / f"{name}.mid")
        )
        text = "[\n" + ",\n".join(json.dumps(note) for note in notes) + "\n]\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")
