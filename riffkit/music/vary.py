"""Siblings of a clip: one batch, each with noise of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep
from riffkit.diffusion.emphasis import check_emphasis
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.generate import with_ends
from riffkit.music.request import PaintRequest, paint_notes, recipe_of, settle
from riffkit.music.source import Source

MAX_SIBLINGS = 64


@dataclass(frozen=True)
class VaryRequest(PaintRequest):
    """`count` siblings of a clip; `distance` from 0 (the clip itself) to 1 (strangers)."""

    count: int = 4
    distance: float = 0.5
    prompt: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.count <= MAX_SIBLINGS:
            raise ParameterError(f"count={self.count}: must lie from 1 to {MAX_SIBLINGS}")
        if not 0 < self.distance <= 1:
            raise ParameterError(f"distance={self.distance:g}: must lie above 0 and up to 1")
        check_emphasis(self.prompt)


def vary(
    checkpoint: Checkpoint,
    request: VaryRequest,
    source: Source,
    *,
    on_step: OnStep | None = None,
) -> list[Clip]:
    """Siblings of a clip, as long as it is, painted as one batch; each has a seed of its own."""
    plan = settle(
        replace(request, bpm=source.grid.bpm, key=source.key.name if source.key else None),
        checkpoint,
        prompt=request.prompt,
        n_beats=source.grid.n_beats,
    )
    canvas = source.canvas(checkpoint)
    asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
    seeds = [request.seed + k for k in range(request.count)]
    noise = torch.cat(
        [draw_noise(checkpoint, n_columns=canvas.n_columns, seed=seed) for seed in seeds]
    )
    known = source.latents(checkpoint).expand(request.count, -1, -1, -1)
    latents = canvas.paint(
        [lambda bar: asked] * request.count,
        noise,
        plan.how(strength=request.distance),
        known=Known(latents=known, free=torch.ones(1, 1, 1, 1)),
        seed=seeds,
        on_step=on_step,
    )
    clips = []
    notes = (*source.notes, *paint_notes(checkpoint, plan, {"prompt": request.prompt}))
    for k, item in enumerate(latents.split(1)):
        pixels = latents_to_pixels(checkpoint, item, circular=canvas.circular)
        image = replace(source.image, pixels=pixels[:, : source.image.n_frames])
        clip = clip_from_image(
            image,
            recipe_of(
                checkpoint,
                "vary",
                request,
                {**plan.arguments(), "index": k},
                inputs=source.recipe_input,
            ),
            vocoder=request.vocoder,
            quality=request.quality,
            seed=request.seed + k,
            circular=source.loop,
            device=str(checkpoint.device),
            notes=notes if k == 0 else (),
        )
        clips.append(clip if source.loop else with_ends(source.cut(clip)))
    return clips
