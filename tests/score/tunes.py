"""Tunes in the public domain, as notes: "E4 E4:2 -:1" is pitches with their beats, 1 if unsaid."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riffkit.score.notes import Note

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Tune:
    """`key` is (tonic, mode); the first bar is full, an upbeat is left out."""

    key: tuple[int, str]
    beats_per_bar: int
    text: str

    @property
    def notes(self) -> tuple[Note, ...]:
        start, found = 0.0, []
        for word in self.text.replace("|", " ").split():
            name, _, length = word.partition(":")
            beats = float(length or 1)
            if name != "-":
                letter, sign, octave = re.fullmatch(r"([A-G])([#b]?)(\d)", name).groups()
                pitch = 12 + 12 * int(octave) + _STEPS[letter] + {"": 0, "#": 1, "b": -1}[sign]
                found.append(Note(start, beats, pitch, 90))
            start += beats
        return tuple(found)

    @property
    def n_beats(self) -> int:
        return round(max(note.start + note.duration for note in self.notes))


TUNES = {
    "Ode to Joy": Tune(
        (0, "major"),
        4,
        "E4 E4 F4 G4 | G4 F4 E4 D4 | C4 C4 D4 E4 | E4:1.5 D4:.5 D4:2 |"
        "E4 E4 F4 G4 | G4 F4 E4 D4 | C4 C4 D4 E4 | D4:1.5 C4:.5 C4:2 |"
        "D4 D4 E4 C4 | D4 E4:.5 F4:.5 E4 C4 | D4 E4:.5 F4:.5 E4 D4 | C4 D4 G3:2 |"
        "E4 E4 F4 G4 | G4 F4 E4 D4 | C4 C4 D4 E4 | D4:1.5 C4:.5 C4:2",
    ),
    "Greensleeves": Tune(
        (9, "minor"),
        3,
        "C5:2 D5 | E5:1.5 F5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 | C5:2 A4 | A4:1.5 G#4:.5 A4 |"
        "B4:2 G#4 | E4:2 A4 | C5:2 D5 | E5:1.5 F5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 |"
        "C5:1.5 B4:.5 A4 | G#4:1.5 F#4:.5 G#4 | A4:3 | A4:3 |"
        "G5:3 | G5:1.5 F#5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 | C5:2 A4 | A4:1.5 G#4:.5 A4 |"
        "B4:2 G#4 | E4:3 | G5:3 | G5:1.5 F#5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 |"
        "C5:1.5 B4:.5 A4 | G#4:1.5 F#4:.5 G#4 | A4:3 | A4:3",
    ),
    "Amazing Grace": Tune(
        (7, "major"),
        3,
        "G4:2 B4:.5 G4:.5 | B4:2 A4 | G4:2 E4 | D4:2 D4 | G4:2 B4:.5 G4:.5 | B4:2 A4 | D5:3 |"
        "D5:2 B4 | D5:2 B4:.5 G4:.5 | B4:2 A4 | G4:2 E4 | D4:2 D4 | G4:2 B4:.5 G4:.5 | B4:2 A4 |"
        "G4:3 | G4:3",
    ),
    "Frere Jacques": Tune(
        (5, "major"),
        4,
        "F4 G4 A4 F4 | F4 G4 A4 F4 | A4 Bb4 C5:2 | A4 Bb4 C5:2 |"
        "C5:.5 D5:.5 C5:.5 Bb4:.5 A4 F4 | C5:.5 D5:.5 C5:.5 Bb4:.5 A4 F4 | F4 C4 F4:2 | F4 C4 F4:2",
    ),
    "Scarborough Fair": Tune(
        (2, "dorian"),
        3,
        "D4:2 D4 | A4:2 A4 | E4:1.5 F4:.5 E4 | D4:3 | -:1 A4 C5 | D5:2 C5 | A4 B4 G4 | A4:3 |"
        "-:2 D5 | D5:2 D5 | C5:2 A4 | A4 G4 F4 | E4 C4:2 | D4:2 A4 | G4:2 F4 | E4 D4 C4 |"
        "D4:3 | D4:3",
    ),
    "Twinkle, Twinkle": Tune(
        (0, "major"),
        4,
        "C4 C4 G4 G4 | A4 A4 G4:2 | F4 F4 E4 E4 | D4 D4 C4:2 | G4 G4 F4 F4 | E4 E4 D4:2 |"
        "G4 G4 F4 F4 | E4 E4 D4:2 | C4 C4 G4 G4 | A4 A4 G4:2 | F4 F4 E4 E4 | D4 D4 C4:2",
    ),
    "Auld Lang Syne": Tune(
        (5, "major"),
        4,
        "F4:1.5 F4:.5 F4 A4 | G4:1.5 F4:.5 G4 A4 | F4:1.5 F4:.5 A4 C5 | D5:3 D5 |"
        "C5:1.5 A4:.5 A4 F4 | G4:1.5 F4:.5 G4 A4 | F4:1.5 D4:.5 D4 C4 | F4:3 D5 |"
        "C5:1.5 A4:.5 A4 F4 | G4:1.5 F4:.5 G4 D5 | C5:1.5 A4:.5 A4 C5 | D5:3 D5 |"
        "C5:1.5 A4:.5 A4 F4 | G4:1.5 F4:.5 G4 A4 | F4:1.5 D4:.5 D4 C4 | F4:4",
    ),
    "Silent Night": Tune(
        (0, "major"),
        3,
        "G4:1.5 A4:.5 G4 | E4:3 | G4:1.5 A4:.5 G4 | E4:3 | D5:2 D5 | B4:3 | C5:2 C5 | G4:3 |"
        "A4:2 A4 | C5:1.5 B4:.5 A4 | G4:1.5 A4:.5 G4 | E4:3 | A4:2 A4 | C5:1.5 B4:.5 A4 |"
        "G4:1.5 A4:.5 G4 | E4:3 | D5:2 D5 | F5:1.5 D5:.5 B4 | C5:3 | E5:3 | C5 G4 E4 |"
        "G4:1.5 F4:.5 D4 | C4:3 | C4:3",
    ),
}
