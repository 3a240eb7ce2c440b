"""From one clip to another in even steps: one batch of small images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Denoising, Known, OnStep
from riffkit.diffusion.interpolate import slerp
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.diffusion.prompts import check_prompt
from riffkit.errors import ParameterError
from riffkit.music.canvas import Canvas, Direction, Script
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.generate import with_ends
from riffkit.music.request import (
    PaintRequest,
    Plan,
    check_bars,
    check_strength,
    paint_notes,
    recipe_of,
    settle,
)
from riffkit.music.source import Source, with_bars
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage

MAX_FRAMES = 64
_PILOT_PART = 4  # so much fewer steps show how evenly a morph goes
_LEAST_STEP = 0.05  # of the mean: what hardly changes is passed quickly, not skipped


@dataclass(frozen=True)
class MorphRequest(PaintRequest):
    """`frames` clips of `bars` bars from one end to the other; an end is a prompt or a clip.

    `strength`: how much is made anew half-way between clips. `last_seed`: the last end's, if
    another than the first's; its noise is then approached with the prompt.
    """

    first: str
    last: str
    frames: int = 8
    bars: int = 2
    strength: float = 0.7
    last_seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bars(self.bars)
        check_strength(self.strength)
        if not 2 <= self.frames <= MAX_FRAMES:
            raise ParameterError(f"frames={self.frames}: must lie from 2 to {MAX_FRAMES}")
        check_prompt(self.first)
        check_prompt(self.last)


def morph(
    checkpoint: Checkpoint,
    request: MorphRequest,
    *,
    first: Source | None = None,
    last: Source | None = None,
    on_step: OnStep | None = None,
) -> Clip:
    """All frames one after the other, painted as one batch.

    `first` and `last` are the clips of ends that are files; `request` then names them. Prompts at
    both ends are what `generate` gives for them in the same tempo and key, as a loop.
    """
    ends = [_cut(first, request.bars, at_end=True), _cut(last, request.bars, at_end=False)]
    plan = _plan(checkpoint, request, ends)
    canvas = plan.canvas(checkpoint, loop=True)
    prompts = [
        "" if end is not None else name
        for name, end in zip((request.first, request.last), ends, strict=True)
    ]
    asked = [plan.direction(checkpoint, prompt, request.negative_prompt) for prompt in prompts]
    seeds = (request.seed, request.seed if request.last_seed is None else request.last_seed)
    noises = [draw_noise(checkpoint, n_columns=canvas.n_columns, seed=seed) for seed in seeds]
    between = _between(checkpoint, request, plan, canvas, ends, noises, asked)

    def painted(shares: Tensor, how: Denoising, on_step: OnStep | None) -> Tensor:
        """The frames at these shares; those that are a clip's own needn't be painted."""
        known = None if between is None else between(shares)
        inner = range(ends[0] is not None, len(shares) - (ends[1] is not None))
        latents = torch.cat([noises[0]] * len(shares)) if known is None else known.latents
        latents = canvas.cued(latents)
        if inner:
            here = slice(inner.start, inner.stop)
            latents[here] = canvas.paint(
                [_still(asked[0].towards(asked[1], float(share))) for share in shares[here]],
                torch.cat([slerp(noises[0], noises[1], share) for share in shares[here]]),
                how,
                known=None if known is None else Known(known.latents[here], known.free[here]),
                seed=request.seed,
                on_step=on_step,
            ).cpu()
        return latents

    even, how = torch.linspace(0, 1, request.frames), plan.how()
    few = max(1 if plan.is_large else 2, how.steps // _PILOT_PART)
    pilot = painted(even, replace(how, steps=few, on_remark=None), None)
    latents = painted(_evened(even, pilot), how, on_step)
    frames = [
        latents_to_pixels(checkpoint, item, circular=True) if end is None else end.image.pixels
        for item, end in zip(
            latents.to(checkpoint.device).split(1),
            [ends[0], *[None] * (request.frames - 2), ends[1]],
            strict=True,
        )
    ]
    grid = BeatGrid(plan.grid.bpm, plan.grid.n_beats * request.frames)
    image = SpectrogramImage(
        np.concatenate([pixels[:, : plan.grid.n_frames] for pixels in frames], axis=1),
        checkpoint.params,
        grid=grid,
        transpose=_transpose(checkpoint, plan, ends),
    )
    inputs = {
        f"{where}{name}": value
        for where, source in (("", first), ("last.", last))
        if source is not None
        for name, value in source.recipe_input.items()
    }
    clip = clip_from_image(
        image,
        recipe_of(checkpoint, "morph", request, plan.arguments(), inputs=inputs),
        vocoder=request.vocoder,
        quality=request.quality,
        seed=request.seed,
        circular=False,
        device=str(checkpoint.device),
        notes=(
            *(note for source in (first, last) if source is not None for note in source.notes),
            *paint_notes(checkpoint, plan, {"first": prompts[0], "last": prompts[1]}),
        ),
    )
    return with_ends(clip)


def _still(asked: Direction) -> Script:
    return lambda bar: asked


def _cut(source: Source | None, bars: int, *, at_end: bool) -> Source | None:
    """The bars of a clip that a morph sets out from, or comes to."""
    if source is None:
        return None
    if source.bars < bars:
        raise ParameterError(
            f"bars={bars}: {source.recipe_input['name']!r} has {source.bars}; "
            "give fewer bars or a longer clip"
        )
    # the silence that fills up first and last bars is no place to set out from
    spare = int(not source.loop and source.bars > bars + 1)
    begin = source.bars - bars - spare if at_end else spare
    return with_bars(source, begin, begin + bars)


def _plan(checkpoint: Checkpoint, request: MorphRequest, ends: list[Source | None]) -> Plan:
    """Tempo and key: as requested, else the first clip's, else the first prompt's."""
    clip = next((end for end in ends if end is not None), None)
    prompt = request.first
    if clip is not None:
        bpm = clip.grid.bpm if request.bpm is None else request.bpm
        key = request.key or (clip.key.name if clip.key and clip.key.mode else None)
        request = replace(request, bpm=bpm, key=key)
        prompt = ""
    return settle(request, checkpoint, prompt=prompt, n_beats=request.bars * request.beats_per_bar)


def _transpose(checkpoint: Checkpoint, plan: Plan, ends: list[Source | None]) -> float:
    clip = next((end for end in ends if end is not None), None)
    return plan.transpose(checkpoint) if clip is None else clip.image.transpose


def _between(
    checkpoint: Checkpoint,
    request: MorphRequest,
    plan: Plan,
    canvas: Canvas,
    ends: list[Source | None],
    noises: list[Float[Tensor, "1 channel row column"]],
    asked: list[Direction],
) -> Callable[[Float[Tensor, " frame"]], Known] | None:
    """Where an end is a clip: images between the ends, the freer the further from both."""
    if all(end is None for end in ends):
        return None
    latents = [
        canvas.paint([_still(asked[k])], noises[k], plan.how(), seed=request.seed)
        if end is None
        else end.latents(checkpoint)
        for k, end in enumerate(ends)
    ]
    first, last = (item.cpu() for item in latents)

    def between(shares: Float[Tensor, " frame"]) -> Known:
        free = 4 * request.strength * shares * (1 - shares)
        images = torch.cat([slerp(first, last, share) for share in shares])
        return Known(latents=images, free=free[:, None, None, None])

    return between


def _evened(
    shares: Float[Tensor, " frame"], pilot: Float[Tensor, "frame channel row column"]
) -> Float[Tensor, " frame"]:
    """Shares whose images lie equally far apart, by those that evenly spaced shares gave.

    Between two prompts a model changes its mind within a small part of the way.
    """
    steps = (pilot[1:] - pilot[:-1]).flatten(1).norm(dim=1).double().cpu().numpy()
    way = np.concatenate(([0.0], np.cumsum(steps + _LEAST_STEP * steps.mean() + 1e-9)))
    wanted = np.linspace(0, way[-1], len(way))
    return torch.from_numpy(np.interp(wanted, way, shares.double().numpy())).float()
