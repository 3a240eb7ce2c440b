"""A whole clip restyled: image to image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.diffusion.prompts import check_prompt
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.generate import with_ends
from riffkit.music.request import PaintRequest, check_strength, paint_notes, recipe_of
from riffkit.music.source import Source, source_plan


@dataclass(frozen=True)
class RestyleRequest(PaintRequest):
    """The same music as the prompt says; `strength` 0 leaves it, 1 makes it up."""

    prompt: str
    strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)
        check_strength(self.strength)


def restyle(
    checkpoint: Checkpoint,
    request: RestyleRequest,
    source: Source,
    *,
    on_step: OnStep | None = None,
) -> Clip:
    """A clip of any length, as long as it was. Strength 0 gives its copy-synthesis."""
    plan = source_plan(checkpoint, request, source, request.prompt)
    image = source.image
    if request.strength > 0:
        canvas = source.canvas(checkpoint)
        asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
        latents = canvas.paint(
            [lambda bar: asked],
            draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed),
            plan.how(strength=request.strength),
            known=Known(latents=source.latents(checkpoint), free=torch.ones(1, 1, 1, 1)),
            seed=request.seed,
            on_step=on_step,
        )
        pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
        image = replace(image, pixels=pixels[:, : image.n_frames])
    clip = clip_from_image(
        image,
        recipe_of(checkpoint, "restyle", request, plan.arguments(), inputs=source.recipe_input),
        vocoder=request.vocoder,
        quality=request.quality,
        seed=request.seed,
        circular=source.loop,
        device=str(checkpoint.device),
        notes=(*source.notes, *paint_notes(checkpoint, plan, {"prompt": request.prompt})),
    )
    return clip if source.loop else with_ends(source.cut(clip))
