"""A clip continued: bars behind it or before it, in its own tempo and key."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.crossfade import equal_power_gains
from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep
from riffkit.diffusion.emphasis import check_emphasis
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.errors import ParameterError
from riffkit.music.canvas import PHRASE_BARS, Canvas
from riffkit.music.clip import Clip
from riffkit.music.request import (
    PaintRequest,
    check_bars,
    check_strength,
    paint_notes,
    recipe_of,
)
from riffkit.music.source import FADE_SECONDS, Source, limited_to_peaks, source_plan
from riffkit.spectrogram.beat_grid import MAX_BARS, PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart, decode

CONTEXT_BARS = 4
"""The new bars are painted beside so many of the clip's own."""


@dataclass(frozen=True)
class ExtendRequest(PaintRequest):
    """`bars` more of a clip, behind it or before it.

    With `strength` below 1 the new bars begin as an echo of the clip's.
    """

    prompt: str = ""
    bars: int = 4
    before: bool = False
    strength: float = 0.85

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bars(self.bars)
        check_strength(self.strength)
        check_emphasis(self.prompt)


def extend(
    checkpoint: Checkpoint,
    request: ExtendRequest,
    source: Source,
    *,
    on_step: OnStep | None = None,
) -> Clip:
    """A clip that goes on, or begins earlier, in its own tempo and key; it stays as it is.

    A bar that it breaks off in is finished first.
    """
    n_context = min(CONTEXT_BARS, source.bars)
    if n_context + request.bars > MAX_BARS:
        raise ParameterError(f"bars={request.bars}: at most {MAX_BARS - n_context}")
    place = _Place.of(request, source, n_context)
    plan = source_plan(checkpoint, request, source, request.prompt)
    canvas = Canvas(place.grid, source.beats_per_bar, False, checkpoint)
    asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
    noise = draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed)
    latents = canvas.paint(
        [lambda bar: asked],
        noise,
        plan.how(),
        known=place.known(
            checkpoint, source, noise.shape, canvas.columns_per_bar, request.strength
        ),
        seed=request.seed,
        on_step=on_step,
    )
    pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    pixels = pixels[:, : place.grid.n_frames].copy()
    given = slice(*place.frames)
    pixels[:, given] = source.image.pixels[:, slice(*(f - place.shift for f in place.frames))]
    recipe = recipe_of(checkpoint, "extend", request, plan.arguments(), inputs=source.recipe_input)
    image = replace(source.image, pixels=pixels, grid=place.grid, recipe=recipe.to_dict())
    return Clip(
        _sound(request, source, image, place),
        source.sample_rate,
        image,
        recipe,
        (*source.notes, *paint_notes(checkpoint, plan, {"prompt": request.prompt})),
    )


@dataclass(frozen=True)
class _Place:
    """Where a clip lies in the image that extends it.

    `shift` in frames from the clip's image to the new one; the clip's sound begins at `sample`
    there (below 0 where it begins earlier), and fills the `frames` from the first to behind the
    last.
    """

    grid: BeatGrid
    shift: int
    sample: int
    frames: tuple[int, int]

    @classmethod
    def of(cls, request: ExtendRequest, source: Source, n_context: int) -> _Place:
        beats = source.beats_per_bar
        grid = BeatGrid(source.grid.bpm, (n_context + request.bars) * beats)
        bars = request.bars if request.before else n_context - source.bars
        frames_per_sample = source.image.n_frames / source.image.n_samples
        shift = bars * beats * PIXELS_PER_BEAT
        sample = round(shift / frames_per_sample) + source.n_lead
        first = math.ceil(max(0, sample) * frames_per_sample)
        last = math.floor((sample + source.waveform.shape[-1]) * frames_per_sample)
        return cls(grid, shift, sample, (first, min(last, grid.n_frames)))

    def known(
        self,
        checkpoint: Checkpoint,
        source: Source,
        shape: torch.Size,
        columns_per_bar: int,
        strength: float,
    ) -> Known:
        """What the clip fills is kept; the rest echoes its nearest bars, free by strength."""
        stride, n_columns = checkpoint.stride, shape[-1]
        first, last = -(-self.frames[0] // stride), self.frames[1] // stride
        period = (last - first) // columns_per_bar * columns_per_bar
        period = min(period, PHRASE_BARS * columns_per_bar)
        places = torch.arange(n_columns)
        free = torch.full((1, 1, 1, n_columns), strength if period else 1.0)
        free[..., first:last] = 0
        if period:
            echo = torch.where(places < first, first + (places - first) % period, places)
            echo = torch.where(places >= last, last - period + (places - last) % period, echo)
        else:
            echo = places.clamp(first, max(first, last - 1))
        columns = (echo - self.shift // stride).clamp(0, source.image.n_frames // stride - 1)
        return Known(latents=source.latents(checkpoint)[..., columns], free=free)


def _sound(
    request: ExtendRequest, source: Source, image: SpectrogramImage, place: _Place
) -> Float[Tensor, "channel sample"]:
    """The clip's own sound up to the join, and what is new behind it; or the other way round.

    Both are made together, so they are in step where they pass into one another.
    """
    old = source.waveform.clone()
    first, last = place.sample, place.sample + old.shape[-1]
    begin, end = max(0, first), min(last, image.n_samples)
    known = torch.zeros(len(old), image.n_samples)
    known[:, begin:end] = old[:, begin - first : end - first]
    is_known = np.zeros(image.pixels.shape[:2], np.bool_)
    is_known[:, slice(*place.frames)] = True
    made = decode(
        image, vocoder=request.vocoder, quality=request.quality, seed=request.seed,
        known=KnownPart(known, is_known),
    )  # fmt: skip
    n_fade = min(round(FADE_SECONDS * source.sample_rate), end - begin)
    rise, fall = (gain.square() for gain in equal_power_gains(n_fade))
    if request.before:
        old[:, :n_fade] = old[:, :n_fade] * rise + made[:, begin : begin + n_fade] * fall
        joined = torch.cat((made[:, :begin], old), -1)
    else:
        old[:, -n_fade:] = old[:, -n_fade:] * fall + made[:, end - n_fade : end] * rise
        joined = torch.cat((old, made[:, end:]), -1)
    return limited_to_peaks(joined, source)
