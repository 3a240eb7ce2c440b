"""A part of a clip made anew, all else left as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep
from riffkit.diffusion.emphasis import check_emphasis
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip
from riffkit.music.mask import Mask, PaintedMask, mask_of, mask_to_cells
from riffkit.music.request import PaintRequest, check_strength, paint_notes, recipe_of
from riffkit.music.source import FADE_SECONDS, Source, limited_to_peaks, source_plan
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import KnownPart, decode


@dataclass(frozen=True)
class EditRequest(PaintRequest):
    """What is made anew: a `time` span in seconds and a `freq` band in Hz, all of what isn't given.

    `keep_melody` leaves the strongest partials as they are. `strength` below 1 stays near to what
    was there.
    """

    prompt: str = ""
    time: tuple[float, float] | None = None
    freq: tuple[float, float] | None = None
    keep_melody: bool = False
    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_strength(self.strength)
        check_emphasis(self.prompt)
        for name, span in (("time", self.time), ("freq", self.freq)):
            if span is not None and not 0 <= span[0] < span[1]:
                raise ParameterError(
                    f"{name}={span[0]:g}:{span[1]:g}: must begin from 0 up and below its end"
                )


def edit(
    checkpoint: Checkpoint,
    request: EditRequest,
    source: Source,
    *,
    painted: PaintedMask | None = None,
    on_step: OnStep | None = None,
) -> Clip:
    """A part of a clip made anew; what lies outside it stays, pixel by pixel and as sound.

    `painted` stands for the request's `time`, `freq` and `keep_melody`.
    """
    mask = _asked_mask(request, source) if painted is None else painted.levels
    if not mask.any():
        raise ParameterError("edit: nothing is to be made anew; give another time, freq or mask")
    plan = source_plan(checkpoint, request, source, request.prompt)
    canvas = source.canvas(checkpoint)
    asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
    latents = canvas.paint(
        [lambda bar: asked],
        draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed),
        plan.how(),
        known=Known(
            latents=source.latents(checkpoint),
            free=request.strength * mask_to_cells(mask, checkpoint.stride),
        ),
        seed=request.seed,
        on_step=on_step,
    )
    new = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    new = new[:, : source.image.n_frames]
    weight = mask[..., None]
    pixels = np.rint(source.image.pixels * (1 - weight) + new * weight).astype(np.uint8)
    image = replace(source.image, pixels=pixels)
    inputs = source.recipe_input | ({} if painted is None else painted.recipe_input)
    recipe = recipe_of(checkpoint, "edit", request, plan.arguments(), inputs=inputs)
    waveform = _edited_sound(image, mask, source, request, checkpoint)
    return Clip(
        waveform,
        source.sample_rate,
        replace(image, recipe=recipe.to_dict()),
        recipe,
        (*source.notes, *paint_notes(checkpoint, plan, {"prompt": request.prompt})),
    )


def _asked_mask(request: EditRequest, source: Source) -> Mask:
    return mask_of(source, time=request.time, freq=request.freq, keep_melody=request.keep_melody)


def _edited_sound(
    image: SpectrogramImage,
    mask: Mask,
    source: Source,
    request: EditRequest,
    checkpoint: Checkpoint,
) -> Float[Tensor, "channel sample"]:
    """The new sound where the mask is white, the clip's own everywhere else."""
    kept = mask <= 0
    whole = decode(
        image, vocoder=request.vocoder, quality=request.quality, seed=request.seed,
        circular=source.loop, known=KnownPart(source.padded, kept),
    )  # fmt: skip
    n_samples = source.waveform.shape[-1]
    new = whole[:, source.n_lead : source.n_lead + n_samples]
    frame_of_sample = (np.arange(n_samples) + source.n_lead) / image.n_samples * image.n_frames
    is_touched = np.asarray(~kept.all(axis=0))
    touched = is_touched[np.minimum(frame_of_sample.astype(int), image.n_frames - 1)]
    weight = _ramped(torch.from_numpy(touched), round(FADE_SECONDS * source.sample_rate))
    mixed = source.waveform + weight * (new - source.waveform)
    return limited_to_peaks(mixed, source)


def _ramped(touched: Tensor, n_fade: int) -> Float[Tensor, " sample"]:
    """1 where the sound is new, falling to 0 within `n_fade` samples outside."""
    outside = torch.nn.functional.avg_pool1d(
        torch.nn.functional.max_pool1d(
            touched.float()[None, None], n_fade | 1, stride=1, padding=(n_fade | 1) // 2
        ),
        n_fade | 1, stride=1, padding=(n_fade | 1) // 2, count_include_pad=False,
    )[0, 0]  # fmt: skip
    return (outside * torch.pi / 2).sin().square()
