"""The denoising loop: the only one in the project.

Text to image, image to image, inpainting, loops and long images are this loop with other
inputs. It works on latents "batch channel row column"; time runs along the columns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.seam import circular_in_time
from riffkit.errors import ParameterError

MOST_CELLS = 32_768
"""How many latent cells the UNet sees at once: 32 images of 32 × 32, 8 of 64 × 64."""

OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


@dataclass(frozen=True, eq=False)
class Known:
    """Latents that are given, and how much of them is free.

    `free` runs from 0 (kept exactly) to 1 (made anew); between, a place is kept until the last
    `free` part of the steps (differential diffusion, arXiv:2306.00950).
    """

    latents: Float[Tensor, "batch channel row column"]
    free: Float[Tensor, "#batch #channel #row #column"]


@dataclass(frozen=True, eq=False)
class Window:
    """Columns `start` … `start + width` (past the end: from the beginning again), and their text.

    `text` and `negative_text` hold one embedding for each item of the batch. `guidance`, if
    given, stands for the whole image's.
    """

    start: int
    width: int
    text: Float[Tensor, "batch token feature"]
    negative_text: Float[Tensor, "batch token feature"]
    guidance: float | None = None

    def columns(self, n_columns: int) -> Int[Tensor, " column"]:
        """The columns of an image that wide."""
        return torch.arange(self.start, self.start + self.width) % n_columns


@dataclass(frozen=True)
class Denoising:
    """How to denoise. `strength` below 1 starts from `Known.latents` noised that far."""

    steps: int
    guidance: float
    strength: float = 1.0
    circular: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ParameterError(f"steps={self.steps}: must be at least 1")
        if not 0 <= self.guidance <= 100:
            raise ParameterError(f"guidance={self.guidance:g}: must lie from 0 to 100")
        if not 0 < self.strength <= 1:
            raise ParameterError(f"strength={self.strength:g}: must lie above 0 and up to 1")


@torch.inference_mode()
def denoise(
    checkpoint: Checkpoint,
    noise: Float[Tensor, "batch channel row column"],
    windows: list[Window],
    how: Denoising,
    *,
    known: Known | None = None,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch channel row column"]:
    """Latents made from `noise` (unit variance), in the scale that the UNet works in.

    Every window is denoised at each step with its own text, and where windows overlap their
    predictions are averaged (MultiDiffusion, arXiv:2302.08113), weighted towards each window's
    middle. With `known`, what is kept of it is put back at each step's noise level.
    `generator` is for schedulers that draw noise of their own.
    """
    checkpoint = checkpoint.fitted(n_steps=how.steps, guidance=how.guidance)
    scheduler = type(checkpoint.scheduler).from_config(checkpoint.scheduler.config)
    timesteps = _timesteps(scheduler, how, checkpoint.device)
    noise = noise.to(checkpoint.device, torch.float32)
    latents = _start(scheduler, noise, timesteps, how, known)
    options = _step_options(scheduler, generator)
    with circular_in_time(checkpoint.unet, enabled=how.circular):
        for step, timestep in enumerate(timesteps):
            if known is not None:
                latents = _keep_known(scheduler, latents, noise, known, timesteps, step)
            prediction = _predict(checkpoint, scheduler, latents, timestep, windows, how)
            latents = scheduler.step(prediction, timestep, latents, **options).prev_sample
            if on_step is not None:
                on_step(step + 1, len(timesteps))
    if known is not None:
        kept = known.free.to(latents) <= 0
        latents = torch.where(kept, known.latents.to(latents), latents)
    return latents


def _timesteps(scheduler: Any, how: Denoising, device: torch.device) -> Tensor:
    """The scheduler's timesteps, of which `strength` leaves the last part (at least one)."""
    scheduler.set_timesteps(how.steps, device=device)
    n_run = max(1, min(how.steps, round(how.steps * how.strength)))
    begin = (how.steps - n_run) * scheduler.order
    if begin:
        scheduler.set_begin_index(begin)
    return scheduler.timesteps[begin:]


def _start(
    scheduler: Any,
    noise: Float[Tensor, "batch channel row column"],
    timesteps: Tensor,
    how: Denoising,
    known: Known | None,
) -> Float[Tensor, "batch channel row column"]:
    if how.strength < 1:
        if known is None:
            raise ParameterError(f"strength={how.strength:g}: below 1 needs latents to start from")
        return _noised(scheduler, known.latents.to(noise), noise, timesteps[0])
    return noise * scheduler.init_noise_sigma


def _noised(
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    noise: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
) -> Float[Tensor, "batch channel row column"]:
    return scheduler.add_noise(latents, noise, timestep.expand(len(latents)))


def _step_options(scheduler: Any, generator: torch.Generator | None) -> dict[str, Any]:
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    return {"generator": generator} if takes_generator else {}


def _keep_known(
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    noise: Float[Tensor, "batch channel row column"],
    known: Known,
    timesteps: Tensor,
    step: int,
) -> Float[Tensor, "batch channel row column"]:
    """Put back what is still kept at this step, at this step's noise level."""
    remaining = 1 - step / len(timesteps)
    kept = known.free.to(latents) < remaining
    given = _noised(scheduler, known.latents.to(latents), noise, timesteps[step])
    return torch.where(kept, given, latents)


def _predict(
    checkpoint: Checkpoint,
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    windows: list[Window],
    how: Denoising,
) -> Float[Tensor, "batch channel row column"]:
    """The guided prediction for the whole image, averaged over the windows."""
    scaled = scheduler.scale_model_input(latents, timestep)
    total = torch.zeros_like(latents)
    weight_sum = torch.zeros(latents.shape[-1], device=latents.device)
    for _, same_width in groupby(windows, lambda window: window.width):
        group = list(same_width)
        columns = [window.columns(latents.shape[-1]).to(latents.device) for window in group]
        parts = torch.cat([scaled[..., where] for where in columns])
        weight = _window_weight(group[0].width, latents.device)
        predictions = _guided(checkpoint, parts, timestep, group, how.guidance) * weight
        for where, part in zip(columns, predictions.chunk(len(group)), strict=True):
            total.index_add_(-1, where, part)
            weight_sum.index_add_(0, where, weight)
    return total / weight_sum


def _window_weight(width: int, device: torch.device) -> Float[Tensor, " column"]:
    """Rises linearly to the window's middle, and is nowhere 0."""
    from_edge = torch.arange(width, device=device) + 0.5
    return torch.minimum(from_edge, width - from_edge) / width


def _guided(
    checkpoint: Checkpoint,
    latents: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    group: list[Window],
    guidance: float,
) -> Float[Tensor, "batch channel row column"]:
    """Classifier-free guidance (arXiv:2207.12598), both halves as one batch."""
    text = torch.cat([window.text for window in group])
    scales = [guidance if window.guidance is None else window.guidance for window in group]
    if all(scale == 1 for scale in scales):
        return _network(checkpoint, latents, timestep, text)
    both = torch.cat((latents, latents))
    texts = torch.cat((*(window.negative_text for window in group), text))
    without, with_text = _network(checkpoint, both, timestep, texts).chunk(2)
    scale = torch.tensor(scales, device=latents.device).repeat_interleave(len(group[0].text))
    return without + scale[:, None, None, None] * (with_text - without)


def _network(
    checkpoint: Checkpoint,
    latents: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    text: Float[Tensor, "batch token feature"],
) -> Float[Tensor, "batch channel row column"]:
    """The UNet's prediction, of as many items at a time as memory likes."""
    n_items = max(1, MOST_CELLS // (latents.shape[-2] * latents.shape[-1]))
    parts = [
        checkpoint.unet(some.to(checkpoint.unet.dtype), timestep, its_text).sample.float()
        for some, its_text in zip(latents.split(n_items), text.split(n_items), strict=True)
    ]
    return torch.cat(parts)
