"""Rhythms as strings: one character a step, any number of steps a bar, "|" between bars.

    .  silence      x  a note      X  an accent      o  a ghost note      -  the last note holds on

Other characters are notes too (a bass line's "r", "5", "8"); the reader of the line knows them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

LOUDNESS = {"X": 112, "x": 94, "o": 52}


@dataclass(frozen=True)
class Hit:
    """One event of a rhythm: start and duration in beats, and its character."""

    start: float
    duration: float
    symbol: str


def read_rhythm(text: str, beats_per_bar: int, n_bars: int) -> list[Hit]:
    """The hits of a rhythm, repeated until `n_bars` are full. A note lasts through its dashes."""
    bars = text.split("|")
    hits: list[Hit] = []
    for bar in range(n_bars):
        pattern = bars[bar % len(bars)]
        step = beats_per_bar / len(pattern)
        for k, symbol in enumerate(pattern):
            if symbol == "." or symbol == "-":
                continue
            end = k + 1
            while end < len(pattern) and pattern[end] == "-":
                end += 1
            hits.append(Hit(bar * beats_per_bar + k * step, (end - k) * step, symbol))
    return hits


def thin(hits: list[Hit], keep: float, rng: random.Random) -> list[Hit]:
    """Leave out notes between the beats with probability 1 - keep; the beats stay."""
    return [h for h in hits if h.start % 1 == 0 or rng.random() < keep]


def swing(beat: float, ratio: float, unit: float) -> float:
    """Move a time in beats so that the middle of each `unit` falls at `ratio` of it.

    0.5 is straight. Linear on either side of the middle, so that order and lengths stay sensible.
    """
    whole, phase = divmod(beat + 1e-9, unit)
    phase = max(0.0, phase - 1e-9) / unit
    bent = phase * ratio / 0.5 if phase < 0.5 else ratio + (phase - 0.5) * (1 - ratio) / 0.5
    return (whole + bent) * unit


def loudness(symbol: str, rng: random.Random, spread: int = 5) -> int:
    """Velocity of a rhythm's character, a little different each time."""
    base = LOUDNESS.get(symbol, 94)
    return max(1, min(127, base + rng.randint(-spread, spread)))
