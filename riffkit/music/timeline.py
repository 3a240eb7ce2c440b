"""Keyframes: what is asked for at some bars, and what that means for all places between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.interpolate import slerp
from riffkit.diffusion.latents import draw_noise
from riffkit.errors import ParameterError
from riffkit.music.canvas import Canvas, Direction, Script

Easing = Literal["linear", "smooth", "hold"]
EASINGS: tuple[Easing, ...] = get_args(Easing)


@dataclass(frozen=True)
class Keyframe:
    """What is asked for at a bar (0 is the first), and how the next keyframe is approached.

    `strength` says how far the music may be from the theme, if there is one; `guidance` None is
    the whole piece's. `easing`: evenly, gently at both ends, or not until the next one comes.
    """

    bar: float
    prompt: str
    negative_prompt: str = ""
    seed: int | None = None
    strength: float = 1.0
    guidance: float | None = None
    easing: Easing = "linear"


@dataclass(frozen=True)
class Timeline:
    """Keyframes in order; `closed`: after the last, at `bars`, the first comes again."""

    keyframes: tuple[Keyframe, ...]
    bars: int
    closed: bool

    def __post_init__(self) -> None:
        bars = [frame.bar for frame in self.keyframes]
        for before, after in itertools.pairwise(bars):
            if after <= before:
                raise ParameterError(
                    f"keyframe bar={after:g}: comes after bar {before:g}; put them in order"
                )
        if bars and not 0 <= bars[0] <= bars[-1] <= self.bars - (1e-9 if self.closed else 0):
            raise ParameterError(
                f"keyframe bar={bars[0] if bars[0] < 0 else bars[-1]:g}: must lie in the "
                f"piece, 0 to {self.bars}"
            )

    def between(self, bar: float) -> tuple[int, int, float]:
        """The keyframes before and after a bar, and how far it is on the way, 0 to 1."""
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

    def script(self, directions: Sequence[Direction]) -> Script:
        """The direction at each place, from those of the keyframes."""

        def at(bar: float) -> Direction:
            before, after, share = self.between(bar)
            return directions[before].towards(directions[after], share)

        return at

    def strengths(self, canvas: Canvas) -> Float[Tensor, " column"]:
        """`Keyframe.strength` at every latent column."""
        values = []
        for bar in self._bars_of(canvas):
            before, after, share = self.between(bar)
            first, second = (self.keyframes[k].strength for k in (before, after))
            values.append(first + share * (second - first))
        return torch.tensor(values)

    def noise(
        self, canvas: Canvas, *, seed: int, phrase_bars: int
    ) -> Float[Tensor, "1 channel latent_row column"]:
        """A phrase of noise, again and again, so that the music keeps its shape while it changes.

        Each keyframe has the phrase of its own seed; between two it is slerped.
        """
        width = phrase_bars * canvas.columns_per_bar
        seeds = [seed if frame.seed is None else frame.seed for frame in self.keyframes]
        phrases = {
            number: draw_noise(canvas.checkpoint, n_columns=width, seed=number)
            for number in dict.fromkeys(seeds)
        }
        ways = [self.between(bar) for bar in self._bars_of(canvas)]
        columns = torch.arange(canvas.n_columns) % width
        noise = torch.empty(*phrases[seeds[0]].shape[:-1], canvas.n_columns)
        for pair in dict.fromkeys((before, after) for before, after, _ in ways):
            here = [k for k, way in enumerate(ways) if way[:2] == pair]
            first, second = (phrases[seeds[k]][..., columns[here]] for k in pair)
            noise[..., here] = slerp(first, second, torch.tensor([ways[k][2] for k in here]))
        return noise

    def _bars_of(self, canvas: Canvas) -> list[float]:
        """The bar in which each column's middle lies."""
        return [(column + 0.5) / canvas.columns_per_bar for column in range(canvas.n_columns)]


def _eased(share: float, easing: Easing) -> float:
    if easing == "hold":
        return 0.0
    return share * share * (3 - 2 * share) if easing == "smooth" else share
