"""Keys, scales, chords written as Roman numerals, and voicings that move little."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from riffkit.limits import MAJOR_KEYS, MINOR_KEYS, MINOR_MODES

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
PENTATONIC = {
    "major": (0, 2, 4, 7, 9),
    "mixolydian": (0, 2, 4, 7, 9),
    "minor": (0, 3, 5, 7, 10),
    "dorian": (0, 3, 5, 7, 10),
    "phrygian": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_QUALITIES: dict[str, tuple[int, ...]] = {
    "M": (0, 4, 7),
    "m": (0, 3, 7),
    "M7": (0, 4, 10, 7),
    "m7": (0, 3, 10, 7),
    "MM7": (0, 4, 11, 7),
    "M9": (0, 4, 10, 14, 7),
    "m9": (0, 3, 10, 14, 7),
    "MM9": (0, 4, 11, 14, 7),
    "M6": (0, 4, 9, 7),
    "m6": (0, 3, 9, 7),
    "M13": (0, 4, 10, 21, 14),
    "Msus2": (0, 2, 7),
    "Msus4": (0, 5, 7),
    "Madd9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "M5": (0, 7),
    "m5": (0, 7),
    "mo": (0, 3, 6),
    "mh7": (0, 3, 6, 10),
}
_NUMERAL = re.compile(r"^([b#]?)([IViv]+)(.*)$")


@dataclass(frozen=True)
class Chord:
    """A chord that sounds from `start` for `duration` beats; `intervals` above `root`, 0-11.

    `bass` is the pitch class below a slash chord, None where that is the root. A chord without
    intervals is silence ("N.C.").
    """

    numeral: str
    root: int
    intervals: tuple[int, ...]
    start: float
    duration: float
    bass: int | None = field(default=None, repr=False)  # digests of scores hold the repr

    @property
    def lowest(self) -> int:
        """The pitch class that the bass plays."""
        return self.root if self.bass is None else self.bass

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple(sorted({(self.root + i) % 12 for i in self.intervals}))

    def tone(self, which: str) -> int:
        """Semitones above the root of "r", "3", "5", "7", "8" or "9"; the nearest that exists."""
        wanted = {
            "r": (0,),
            "3": (3, 4, 2, 5),
            "5": (7, 8, 6),
            "7": (10, 11, 9, 12),
            "8": (12,),
            "9": (14, 12),
        }[which]
        return next((i for i in wanted if i in self.intervals), wanted[-1])


def key_names(mode: str) -> tuple[str, ...]:
    """The twelve tonics, C first, as they are usually written in that mode."""
    return MINOR_KEYS if mode in MINOR_MODES else MAJOR_KEYS


def parse_numeral(numeral: str, tonic: int) -> tuple[int, tuple[int, ...]]:
    """Root pitch class and intervals of a numeral such as "bVII", "ii9", "V7" or "IM7".

    Degrees count from the major scale whatever the mode; small letters are minor chords.
    """
    match = _NUMERAL.match(numeral)
    if match is None:
        raise ValueError(f"numeral={numeral!r} is not a Roman numeral")
    accidental, roman, suffix = match.groups()
    shift = {"b": -1, "#": 1, "": 0}[accidental]
    quality = ("M" if roman.isupper() else "m") + suffix
    return (tonic + _DEGREES[roman.lower()] + shift) % 12, _QUALITIES[quality]


def lay_progression(progression: str, tonic: int, n_beats: int) -> tuple[Chord, ...]:
    """Spread the chords of "i7 iv7 V7 i" evenly over the beats."""
    numerals = progression.split()
    length = n_beats / len(numerals)
    return tuple(
        Chord(numeral, *parse_numeral(numeral, tonic), start=k * length, duration=length)
        for k, numeral in enumerate(numerals)
    )


def chord_at(chords: Sequence[Chord], beat: float) -> Chord:
    """The chord that sounds at a beat, counted round the loop."""
    beat %= chords[-1].start + chords[-1].duration
    return next(c for c in reversed(chords) if c.start <= beat + 1e-6)


def scale_over(chord: Chord, scale: Iterable[int], tonic: int) -> tuple[int, ...]:
    """Pitch classes that sound right over a chord: its own, and the key's that don't rub on it.

    A note of the key gives way where the chord has borrowed its chromatic neighbor: over E7 in
    A minor, the G to the G sharp.
    """
    of_key = {(tonic + s) % 12 for s in scale}
    own = {*chord.pitch_classes, chord.lowest}
    borrowed = own - of_key
    rub = {(p + d) % 12 for p in borrowed for d in (-1, 1)}
    return tuple(sorted(own | (of_key - rub)))


def pitches_within(pitch_classes: Iterable[int], low: int, high: int) -> list[int]:
    """All MIDI pitches of these classes from `low` to `high`."""
    wanted = set(pitch_classes)
    return [p for p in range(low, high + 1) if p % 12 in wanted]


def nearest(pitch: float, candidates: Sequence[int]) -> int:
    """The candidate closest to a pitch, the lower of two."""
    return min(candidates, key=lambda c: (abs(c - pitch), c))


def voice(chord: Chord, previous: Sequence[int] | None, center: int, n_voices: int) -> list[int]:
    """A close voicing near `center` that moves least from the previous one.

    Where there are more chord tones than voices the fifth goes first (it is written last).
    """
    classes = [(chord.root + i) % 12 for i in chord.intervals]
    if len(classes) > n_voices:
        classes = classes[-n_voices:] if n_voices == 3 and len(classes) > 4 else classes[:n_voices]
    return min(_close_voicings(classes, center), key=lambda v: _voicing_cost(v, previous, center))


def _close_voicings(classes: Sequence[int], center: int) -> list[list[int]]:
    """Every order of the pitch classes, stacked from each octave about the center."""
    voicings = []
    for order in itertools.permutations(classes):
        stack = [order[0]]
        for pitch_class in order[1:]:
            stack.append(stack[-1] + 1 + (pitch_class - stack[-1] - 1) % 12)
        octaves = range((center - 14) // 12 - 1, (center + 8) // 12 + 1)
        voicings += [[p + 12 * octave for p in stack] for octave in octaves]
    return voicings


def _voicing_cost(pitches: Sequence[int], previous: Sequence[int] | None, center: int) -> float:
    """Distance to the center, width over a ninth, semitones inside, mud below D3, and motion."""
    cost = abs(sum(pitches) / len(pitches) - center) * 0.6
    cost += max(0, pitches[-1] - pitches[0] - 14) * 2
    for a, b in itertools.pairwise(pitches):
        cost += 4.0 * (b - a == 1) + 3.0 * (b - a < 5 and a < 50)
    if previous:
        cost += sum(min(abs(p - t) for t in previous) for p in pitches)
    return cost
