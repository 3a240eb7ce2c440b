"""The canvas: whole bars on the beat grid, and the conditioning along them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.conditioning import with_equal_tokens
from riffkit.diffusion.denoise import Inpainting, OnLatents, OnStep, SamplerConfig, Window, denoise
from riffkit.models.pipeline import Pipeline
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid

PHRASE_BARS = 2


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The conditioning at one place: embeddings of prompt and negative prompt, and the guidance."""

    text: Float[Tensor, "1 _ feature"]
    negative_text: Float[Tensor, "1 _ feature"]
    guidance: float | None = None

    def guided(self, guidance: float) -> Conditioning:
        """The same with another guidance."""
        return replace(self, guidance=guidance)

    def lerp(self, other: Conditioning, t: float) -> Conditioning:
        """Interpolate embeddings and guidance linearly towards `other`, by `t` from 0 to 1."""
        guidance = self.guidance
        if self.guidance is not None and other.guidance is not None:
            guidance = self.guidance + t * (other.guidance - self.guidance)
        return Conditioning(
            _lerp(self.text, other.text, t),
            _lerp(self.negative_text, other.negative_text, t),
            guidance,
        )


def _lerp(
    text: Float[Tensor, "1 _ feature"], other: Float[Tensor, "1 _ feature"], t: float
) -> Float[Tensor, "1 token feature"]:
    first, second = with_equal_tokens([text, other])
    return torch.lerp(first, second, t)


PromptSchedule = Callable[[float], Conditioning]
"""The conditioning at a position, in bars from the beginning."""


@dataclass(frozen=True)
class Canvas:
    """Whole bars, laid out in latent columns. With `loop`, the end leads into the beginning.

    A model with a `bar_cue` knows only loops, and sees each window as one, whatever `loop` is.
    """

    grid: BeatGrid
    beats_per_bar: int
    loop: bool
    pipeline: Pipeline

    @property
    def bars(self) -> int:
        return self.grid.n_beats // self.beats_per_bar

    @property
    def columns_per_bar(self) -> int:
        return self.beats_per_bar * PIXELS_PER_BEAT // self.pipeline.stride

    @property
    def n_columns(self) -> int:
        return -(-self.grid.n_frames // self.pipeline.stride)

    @property
    def circular(self) -> bool:
        """Whether the networks wrap around in time."""
        return self.loop or self.pipeline.traits.bar_cue

    def windows(self, schedules: Sequence[PromptSchedule]) -> list[Window]:
        """Windows of whole bars, about as wide as the model's images, overlapping by half.

        One script for each item of the batch; the guidance is the first one's.
        """
        places = window_places(
            self.n_columns, self.columns_per_bar, self.pipeline.columns, circular=self.circular
        )
        return [self._window(start, width, schedules) for start, width in places]

    def _window(self, start: int, width: int, schedules: Sequence[PromptSchedule]) -> Window:
        middle = (start + width / 2) / self.columns_per_bar
        middle = middle % self.bars if self.loop else min(middle, self.bars)
        asked = [schedule(middle) for schedule in schedules]
        text = torch.cat(with_equal_tokens([conditioning.text for conditioning in asked]))
        negative_text = torch.cat(
            with_equal_tokens([conditioning.negative_text for conditioning in asked])
        )
        return Window(start, width, text, negative_text, asked[0].guidance)

    def paint(
        self,
        schedules: Sequence[PromptSchedule],
        noise: Float[Tensor, "batch channel row column"],
        config: SamplerConfig,
        *,
        inpainting: Inpainting | None = None,
        guide: Float[Tensor, "#batch channel row column"] | None = None,
        seed: int | Sequence[int] = 0,
        on_step: OnStep | None = None,
        on_latents: OnLatents | None = None,
    ) -> Float[Tensor, "batch channel row column"]:
        """Denoise latents for the canvas, with the bar cue in its channel.

        One script for each item of the batch. `seed` is for samplers that draw noise: a single seed
        draws the same noise for all items; a sequence has one per item.
        """
        seeds = [seed] * len(noise) if isinstance(seed, int) else seed
        if self.pipeline.traits.bar_cue:
            inpainting = self._with_cue(noise, inpainting)
        return denoise(
            self.pipeline,
            noise,
            self.windows(schedules),
            replace(config, circular=self.circular),
            inpainting=inpainting,
            guide=guide,
            generators=[torch.Generator().manual_seed(one) for one in seeds],
            on_step=on_step,
            on_latents=on_latents,
        )

    def cued(
        self, latents: Float[Tensor, "batch channel row column"]
    ) -> Float[Tensor, "batch channel row column"]:
        """The latents with the bar cue in the last channel, if the model has one."""
        latents = latents.clone()
        if self.pipeline.traits.bar_cue:
            latents[:, -1] = bar_cue(*latents.shape[-2:], columns_per_bar=self.columns_per_bar)
        return latents

    def _with_cue(
        self, noise: Float[Tensor, "batch channel row column"], inpainting: Inpainting | None
    ) -> Inpainting:
        """The last channel is kept and marks the bars; the others as `inpainting` says."""
        latents = self.cued(torch.zeros_like(noise) if inpainting is None else inpainting.latents)
        mask = torch.ones(1, 1, 1, 1) if inpainting is None else inpainting.mask
        mask = mask.expand(-1, noise.shape[1], -1, -1).clone()
        mask[:, -1] = 0
        return Inpainting(latents=latents, mask=mask)


def window_places(
    n_columns: int, columns_per_bar: int, model_columns: int, *, circular: bool
) -> list[tuple[int, int]]:
    """(start, width) of windows of whole bars that overlap by half; they wrap past the end."""
    bars = max(1, model_columns // columns_per_bar)
    width = min(n_columns, bars * columns_per_bar)
    if width == n_columns:
        return [(0, width)]
    step = max(1, bars // 2) * columns_per_bar
    starts = list(range(0, n_columns if circular else n_columns - width, step))
    if not circular:
        starts.append(n_columns - width)
    return [(start, width) for start in starts]
