"""The chords that notes make: for each bar, or half of one, the likeliest of common chords."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from riffkit.score.chord_symbols import parse_chord
from riffkit.score.harmony import Chord
from riffkit.score.notes import Track

_STEPS = 4  # a beat; the bass is looked for at each
_LEAD_WEIGHT = 0.5  # a melody passes through notes of no chord
_LEAST_SHARE = 0.03  # of all that sounds: less is no tone of the chord
_MISSING = {"root": 0.26, "third": 0.2, "fifth": 0.07, "other": 0.29}
_BASS_ROOT, _BASS_TONE = 0.5, 0.06
_CHANGE, _ODD_CHANGE = 0.25, 0.35  # of chord within a bar, at its middle and elsewhere
_SLASH_SHARE = 0.7
_QUALITIES = {
    **{"": 0.0, "m": 0.0, "7": 0.05, "maj7": 0.08, "m7": 0.08, "5": 0.12, "sus4": 0.12},
    **{"sus2": 0.15, "dim": 0.12, "m7b5": 0.12, "dim7": 0.15, "aug": 0.18, "6": 0.18, "m6": 0.18},
    **{"9": 0.18, "m9": 0.2, "maj9": 0.2, "add9": 0.18, "madd9": 0.18, "7sus4": 0.18},
    **{"mMaj7": 0.2, "7b9": 0.22, "7#9": 0.22, "13": 0.25},
}
"""What each costs: the rarer a chord, the better it has to fit."""


def chords_of(tracks: Sequence[Track], n_beats: int, beats_per_bar: int) -> tuple[Chord, ...]:
    """What chords a score's notes sound like.

    Each note counts by its length and velocity, a melody's half; the bass counts for the root. A
    bar has one chord, or two where that fits clearly better.

    Args:
        tracks: the players; drums are passed over.
        n_beats: length in beats.
        beats_per_bar: quarter notes a bar.

    Returns:
        Chords that follow one another; a bar of silence is a chord without intervals.

    Example:
        chord_line(chords_of(score.tracks, score.n_beats, 4), beats_per_bar=4)
    """
    heard = _Heard.of(tracks, n_beats)
    chords: list[Chord] = []
    for begin in range(0, n_beats, beats_per_bar):
        chords += _bar(heard, begin, min(begin + beats_per_bar, n_beats))
    return tuple(chords)


def _bar(heard: _Heard, begin: int, end: int) -> list[Chord]:
    """The chords of a bar that fit best, each change at its price."""
    middle = begin + math.ceil((end - begin) / 2)
    best: dict[int, tuple[float, list[Chord]]] = {begin: (0.0, [])}
    for until in range(begin + 1, end + 1):
        ways = []
        for since in range(begin, until):
            before, chords = best[since]
            chord, fit = heard.chord(since, until)
            price = 0.0 if since == begin else _CHANGE if since == middle else _ODD_CHANGE
            ways.append((before + fit * (until - since) - price, [*chords, chord]))
        best[until] = max(ways, key=lambda way: way[0])
    return best[end][1]


def _templates() -> Iterator[tuple[Chord, list[float], list[float], float]]:
    """Each chord with its pitch classes, what it costs where one is missing, and what it costs."""
    for quality, cost in _QUALITIES.items():
        intervals = parse_chord(f"C{quality}").intervals
        kinds = {0: "root", 3: "third", 4: "third", 7: "fifth"}
        for root in range(12):
            tones, missing = [0.0] * 12, [0.0] * 12
            for interval in intervals:
                tones[(root + interval) % 12] = 1.0
                missing[(root + interval) % 12] = _MISSING[kinds.get(interval, "other")]
            yield Chord("", root, intervals, 0.0, 1.0), tones, missing, cost


_CHORDS, *_matrices = zip(*_templates(), strict=True)
_TONES, _COSTS, _COST = (np.array(matrix) for matrix in _matrices)
_ROOTS = np.array([chord.root for chord in _CHORDS])


@dataclass(frozen=True)
class _Heard:
    """How much of each pitch class sounds at each step, and which is the lowest note's (or -1)."""

    classes: Float[np.ndarray, "step pitch_class"]
    lowest: Int[np.ndarray, " step"]

    @classmethod
    def of(cls, tracks: Sequence[Track], n_beats: int) -> _Heard:
        classes = np.zeros((n_beats * _STEPS, 12))
        lowest = np.full(n_beats * _STEPS, 128)
        for track in tracks:
            if track.is_drums:
                continue
            weight = _LEAD_WEIGHT if track.role == "lead" else 1.0
            for note in track.notes:
                begin, end = note.start * _STEPS, (note.start + note.duration) * _STEPS
                first, last = math.floor(begin + 1e-6), math.ceil(end - 1e-6)
                strength = weight * note.velocity / 127
                within = np.arange(first, min(last, len(classes)))
                shares = np.minimum(within + 1, end) - np.maximum(within, begin)
                classes[within, note.pitch % 12] += strength * np.maximum(shares, 0)
                lowest[within] = np.minimum(lowest[within], note.pitch)
        return cls(classes, np.where(lowest < 128, lowest % 12, -1))

    def chord(self, begin: int, end: int) -> tuple[Chord, float]:
        """The likeliest chord of a span of beats, and how well it fits: 1 is best."""
        span = slice(begin * _STEPS, end * _STEPS)
        sums = self.classes[span].sum(axis=0)
        if not sums.any():
            return Chord("", 0, (), float(begin), float(end - begin)), 1.0
        shares = sums / sums.sum()
        lowest = self.lowest[span]
        steps = np.bincount(lowest[lowest >= 0], minlength=12).astype(float)
        if lowest[0] >= 0:  # a chord's first bass note says most
            steps[lowest[0]] += _STEPS
        bass = steps / steps.sum()
        fits = 2 * _TONES @ shares - 1 - _COST - _COSTS @ (shares < _LEAST_SHARE)
        fits += (_BASS_ROOT - _BASS_TONE) * bass[_ROOTS] + _BASS_TONE * (_TONES @ bass)
        best = int(np.argmax(fits))
        chord, below = _CHORDS[best], int(np.argmax(bass))
        slash = below if below != chord.root and bass[below] >= _SLASH_SHARE else None
        placed = replace(chord, start=float(begin), duration=float(end - begin), bass=slash)
        return placed, float(fits[best])
