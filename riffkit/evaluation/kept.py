"""What a tuned model still knows: how well it follows the fixed prompts, compared with its base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from riffkit.evaluation.adherence import ASPECTS
from riffkit.evaluation.reading import Reading
from riffkit.models.lora_file import parse_lora


@dataclass(frozen=True)
class Kept:
    """The mean adherence to prompts, from 0 to 1, by aspect, without those no prompt names.

    `base` and `tuned` are the means over all aspects.
    """

    base: float
    tuned: float
    aspects: dict[str, tuple[float, float]]
    n: int

    def lines(self) -> list[str]:
        """The report as lines of text."""
        parts = ", ".join(f"{name} {a:.2f} → {b:.2f}" for name, (a, b) in self.aspects.items())
        points = 100 * (self.tuned - self.base)
        return [
            f"adherence to other prompts ({self.n}; LoRA at half weight): {self.base:.2f} → "
            f"{self.tuned:.2f} ({points:+.1f} points): {parts}"
        ]


def kept(base: Sequence[Reading], tuned: Sequence[Reading]) -> Kept:
    """Compare two models' clips of the same prompts."""
    aspects = {}
    for name in ASPECTS:
        pairs = [
            (getattr(a.adherence, name), getattr(b.adherence, name))
            for a, b in zip(base, tuned, strict=True)
        ]
        both = [pair for pair in pairs if None not in pair]
        if both:
            means = np.mean(both, axis=0)
            aspects[name] = (float(means[0]), float(means[1]))
    overall = np.mean(list(aspects.values()), axis=0)
    return Kept(float(overall[0]), float(overall[1]), aspects, len(base))


def at_half_weight(loras: Sequence[str]) -> list[tuple[str | Path, float]]:
    """ "PATH[:WEIGHT]" with half of each weight."""
    return [(path, weight / 2) for path, weight in map(parse_lora, loras)]
