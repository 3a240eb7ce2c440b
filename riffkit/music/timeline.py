"""Keyframes at some bars, and interpolation between them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, get_args

from riffkit.errors import ParameterError
from riffkit.music.fields import option

Easing = Literal["linear", "smooth", "hold"]
EASINGS: tuple[Easing, ...] = get_args(Easing)


@dataclass(frozen=True)
class Keyframe:
    """A prompt at a bar (0 is the first), and the transition to the next keyframe.

    `strength` is how far the music may depart from the theme, if there is one. `guidance` None uses
    the piece's. `easing` is linear, smooth at both ends, or a hold until the next keyframe.
    """

    bar: float = option("Where it is reached, in bars; 0 is the beginning.", least=0)
    prompt: str = option("The music there, in words.")
    negative_prompt: str = option("What to avoid there. Default: what the whole piece avoids.", "")
    seed: int | None = option("Seed of its noise. Default: the piece's.", None)
    strength: float = option("0 repeats the theme, 1 ignores it.", 1.0, least=0, most=1)
    guidance: float | None = option(
        "Guidance there. Default: the piece's.", None, least=0, most=100
    )
    easing: Easing = option("The way to the next keyframe.", "linear")  # noqa: RUF009


@dataclass(frozen=True)
class Timeline:
    """Keyframes in order. If `closed`, the first one returns at `bars`."""

    keyframes: tuple[Keyframe, ...]
    bars: int
    closed: bool

    def __post_init__(self) -> None:
        bars = [frame.bar for frame in self.keyframes]
        for before, after in itertools.pairwise(bars):
            if after <= before:
                raise ParameterError(
                    f"keyframe bar={after:g}: comes after bar {before:g}; sort the keyframes by bar"
                )
        if bars and not 0 <= bars[0] <= bars[-1] <= self.bars - (1e-9 if self.closed else 0):
            raise ParameterError(
                f"keyframe bar={bars[0] if bars[0] < 0 else bars[-1]:g}: must be in the "
                f"piece, 0 to {self.bars}"
            )

    def between(self, bar: float) -> tuple[int, int, float]:
        """The keyframes before and after a bar, and its position between them, 0 to 1."""
        frames, last = self.keyframes, len(self.keyframes) - 1
        n_begun = sum(frame.bar <= bar for frame in frames)
        if not self.closed and (n_begun == 0 or n_begun > last):
            nearest = 0 if n_begun == 0 else last
            return nearest, nearest, 0.0
        before, after = (n_begun - 1) % len(frames), n_begun % len(frames)
        begin, end = frames[before].bar, frames[after].bar
        begin -= self.bars if begin > bar else 0
        end += self.bars if end <= bar else 0
        return before, after, _eased((bar - begin) / (end - begin), frames[before].easing)

    def nearest(self, bar: int) -> int:
        """The keyframe that a whole bar is most like."""
        before, after, t = self.between(bar + 0.5)
        return before if t < 0.5 else after


def _eased(t: float, easing: Easing) -> float:
    if easing == "hold":
        return 0.0
    return t * t * (3 - 2 * t) if easing == "smooth" else t
