"""What all players of a score agree on before they play."""

from __future__ import annotations

import random
from dataclasses import dataclass

from riffkit.score.bach import Phrase
from riffkit.score.harmony import SCALES, Chord
from riffkit.score.styles import STYLES, StyleInfo

_KEEP = {"sparse": 0.45, "medium": 0.9, "dense": 1.0}


@dataclass(frozen=True)
class Plan:
    """Style, key (`tonic` is a pitch class, 0 is C), chords, metre, and how much to play.

    `rng` is the score's only source of chance; the players draw from it in turn. `phrase` is what
    a chorale sings where it is one of Bach's.
    """

    style: str
    tonic: int
    mode: str
    chords: tuple[Chord, ...]
    beats_per_bar: int
    density: str
    rng: random.Random
    phrase: Phrase | None = None

    @property
    def info(self) -> StyleInfo:
        return STYLES[self.style]

    @property
    def n_beats(self) -> int:
        return 2 * self.beats_per_bar

    @property
    def scale(self) -> tuple[int, ...]:
        return SCALES[self.mode]

    @property
    def keep(self) -> float:
        """The share of off-beat notes that are played."""
        return _KEEP[self.density]
