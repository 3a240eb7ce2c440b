"""A timeline in latents: conditioning, strength and noise at each column."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.latents import draw_noise, slerp
from riffkit.music.canvas import Canvas, Conditioning, PromptSchedule
from riffkit.music.timeline import Timeline


def schedule_of(timeline: Timeline, conditionings: Sequence[Conditioning]) -> PromptSchedule:
    """The conditioning at each place, interpolated from the keyframes'."""

    def at(bar: float) -> Conditioning:
        before, after, t = timeline.between(bar)
        return conditionings[before].lerp(conditionings[after], t)

    return at


def strengths(timeline: Timeline, canvas: Canvas) -> Float[Tensor, " column"]:
    """`Keyframe.strength` at every latent column."""
    values = []
    for bar in _bars_of(canvas):
        before, after, t = timeline.between(bar)
        first, second = (timeline.keyframes[k].strength for k in (before, after))
        values.append(first + t * (second - first))
    return torch.tensor(values)


def phrase_noise(
    timeline: Timeline, canvas: Canvas, *, seed: int, phrase_bars: int
) -> Float[Tensor, "1 channel latent_row column"]:
    """A repeated phrase of noise, so that the music keeps its shape while it changes.

    Each keyframe has the phrase of its own seed; between two, they are slerped.
    """
    width = phrase_bars * canvas.columns_per_bar
    seeds = [seed if frame.seed is None else frame.seed for frame in timeline.keyframes]
    phrases = {
        number: draw_noise(canvas.pipeline, n_columns=width, seed=number)
        for number in dict.fromkeys(seeds)
    }
    ways = [timeline.between(bar) for bar in _bars_of(canvas)]
    columns = torch.arange(canvas.n_columns) % width
    noise = torch.empty(*phrases[seeds[0]].shape[:-1], canvas.n_columns)
    for pair in dict.fromkeys((before, after) for before, after, _ in ways):
        here = [k for k, way in enumerate(ways) if way[:2] == pair]
        first, second = (phrases[seeds[k]][..., columns[here]] for k in pair)
        noise[..., here] = slerp(first, second, torch.tensor([ways[k][2] for k in here]))
    return noise


def _bars_of(canvas: Canvas) -> list[float]:
    """The bar in which each column's middle lies."""
    return [(column + 0.5) / canvas.columns_per_bar for column in range(canvas.n_columns)]
