"""Phrases of Bach's own four-part chorales: two bars that play round, in any key of their mode.

`bach_chorales.txt` was taken from music21's corpus of them (public domain;
train/tools/bach_corpus.py).
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from riffkit.score.harmony import Chord
from riffkit.score.notes import Note

_FILE = Path(__file__).with_name("bach_chorales.txt")
_SIXTEENTH = 0.25  # beats
_N_BEATS = 8
_N_LIKELY = 32  # phrases of which the one that goes on best is sung
MODES = ("major", "minor")


@dataclass(frozen=True)
class Phrase:
    """Two bars of a chorale: `voices` from bass to soprano."""

    chorale: str
    voices: tuple[tuple[Note, ...], ...]

    @property
    def chords(self) -> tuple[Chord, ...]:
        """What sounds at each beat, above its lowest note."""
        return tuple(self._chord_at(float(beat)) for beat in range(_N_BEATS))

    def _chord_at(self, beat: float) -> Chord:
        sounding = [
            n.pitch
            for voice in self.voices
            for n in voice
            if n.start < beat + 1 and beat < n.start + n.duration
        ]
        root = min(sounding)
        intervals = tuple(sorted({(pitch - root) % 12 for pitch in sounding}))
        return Chord("", root % 12, intervals, beat, 1.0)


def draw_phrase(mode: str, tonic: int, rng: random.Random) -> Phrase:
    """One of the phrases in a mode, brought to a tonic (a pitch class) by the nearest way."""
    name, voices = rng.choice(_phrases()[mode])
    shift = tonic if tonic <= 6 else tonic - 12
    stresses = [rng.randint(82, 94) for _ in range(_N_BEATS)]
    return Phrase(name, tuple(_notes(voice, shift, stresses) for voice in reversed(voices)))


def draw_verse(mode: str, tonic: int, n_phrases: int, rng: random.Random) -> list[Phrase]:
    """Phrases that go on from one another: the last ends on the tonic, the first begins there.

    Of each some are drawn, and that is sung whose voices move least from the one before.
    """
    verse: list[Phrase] = []
    for number in range(n_phrases):
        drawn = [draw_phrase(mode, tonic, rng) for _ in range(_N_LIKELY)]
        if number == n_phrases - 1:
            drawn = [one for one in drawn if one.chords[-1].root == tonic] or drawn
        if number == 0:
            drawn = [one for one in drawn if one.chords[0].root == tonic] or drawn
        others = [one for one in drawn if one not in verse]
        verse.append(min(others or drawn, key=lambda one: _step(verse, one)))
    return verse


def _step(before: Sequence[Phrase], after: Phrase) -> int:
    """Semitones that the voices move from the last of some phrases to another one."""
    if not before:
        return 0
    pairs = zip(before[-1].voices, after.voices, strict=True)
    return sum(abs(one[-1].pitch - two[0].pitch) for one, two in pairs)


def _notes(
    voice: Sequence[tuple[int, int]], shift: int, stresses: Sequence[int]
) -> tuple[Note, ...]:
    """A voice's notes, each as loud as the beat in which it begins."""
    starts = itertools.accumulate((length for _, length in voice), initial=0)
    return tuple(
        Note(start * _SIXTEENTH, length * _SIXTEENTH, pitch + shift, stresses[start // 4])
        for start, (pitch, length) in zip(starts, voice, strict=False)
    )


@functools.cache
def _phrases() -> dict[str, list[tuple[str, list[list[tuple[int, int]]]]]]:
    """The file's phrases by mode, in C: the chorale's name, and (pitch, sixteenths) of voices."""
    found: dict[str, list[tuple[str, list[list[tuple[int, int]]]]]] = {"major": [], "minor": []}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        name, mode, notes = line.split(" ", 2)
        voices = [
            [(int(p), int(n)) for p, n in (note.split(":") for note in voice.split(","))]
            for voice in notes.split(" | ")
        ]
        found[mode].append((name, voices))
    return found
