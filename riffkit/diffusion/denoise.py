"""The denoising loop: the only one in the project.

Text to image, image to image, inpainting, loops and long images are this loop with other
inputs. It works on latents "batch channel row column"; time runs along the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.diffusion.circular import circular_in_time
from riffkit.diffusion.deep_cache import DeepCache
from riffkit.diffusion.inpainting import (
    Inpainting,
    clean_latents,
    exact_prediction,
    items_to_paint,
    keep_known,
    noised,
)
from riffkit.diffusion.predict import Network, Predictor, Window
from riffkit.diffusion.samplers import new_scheduler, step_options, timesteps_for
from riffkit.errors import ParameterError
from riffkit.limits import check_every, check_guidance, check_interval, check_sampler
from riffkit.models.compute import uncompiled
from riffkit.models.finite import check_finite
from riffkit.models.memory_budget import cells_in_memory
from riffkit.models.pipeline import Pipeline

__all__ = ["Inpainting", "OnLatents", "OnStep", "SamplerConfig", "Window", "denoise", "iterate"]

OnStep = Callable[[int, int], None]
"""Called with (steps done, total steps). What it raises ends the painting."""
OnLatents = Callable[[Float[Tensor, "batch channel row column"], int, int], None]
"""Called with the clean latents as the network guesses them so far, steps done, total steps."""


@dataclass(frozen=True)
class SamplerConfig:
    """How to denoise. `strength` below 1 starts from partly noised `Inpainting.latents`.

    `sampler` is one of `SAMPLERS`, or None for the model's own. `guidance_interval` is the range of
    the steps that are guided, as fractions from 0 to 1 (arXiv:2404.07724); an unguided step takes
    half the time. `guide_until` is the share of the steps that see the guide: the first ones, which
    decide what is where; for the others it is blank. With `deep_cache` N, deep features are
    computed every N steps (deep_cache.py), and `on_remark` is called with a note on the result.
    With `skip_kept`, an item is not computed while its mask keeps all of it; it then starts like
    image to image, one step later than otherwise.
    """

    steps: int
    guidance: float
    strength: float = 1.0
    circular: bool = False
    sampler: str | None = None
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    guide_until: float = 1.0
    deep_cache: int = 1
    on_remark: Callable[[str], None] | None = None
    skip_kept: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ParameterError(f"steps={self.steps}: must be at least 1")
        check_guidance(self.guidance)
        if not 0 < self.strength <= 1:
            raise ParameterError(f"strength={self.strength:g}: must be above 0 and at most 1")
        check_sampler(self.sampler)
        check_interval(self.guidance_interval)
        if not 0 <= self.guide_until <= 1:
            raise ParameterError(f"guide_until={self.guide_until:g}: must be from 0 to 1")
        check_every(self.deep_cache)

    @property
    def n_run(self) -> int:
        """The number of steps that run at this `strength`: the last ones, at least one."""
        return max(1, min(self.steps, round(self.steps * self.strength)))

    def guides(self, share: float) -> bool:
        """Whether a step is guided, by its progress from 0 to 1."""
        return self.guidance_interval[0] <= share <= self.guidance_interval[1]


@torch.inference_mode()
def denoise(
    pipeline: Pipeline,
    noise: Float[Tensor, "batch channel row column"],
    windows: list[Window],
    config: SamplerConfig,
    *,
    inpainting: Inpainting | None = None,
    guide: Float[Tensor, "#batch channel row column"] | None = None,
    generators: Sequence[torch.Generator] | None = None,
    on_step: OnStep | None = None,
    on_latents: OnLatents | None = None,
) -> Float[Tensor, "batch channel row column"]:
    """Denoise unit-variance `noise` to latents in the UNet's scale.

    Every window is denoised at each step with its own text, and where windows overlap their
    predictions are averaged (MultiDiffusion, arXiv:2302.08113), weighted towards each window's
    middle. With `inpainting`, the kept latents are restored at each step's noise level. `guide` are
    the latents of a guide (`guide_latents`), for a model that has channels for them
    (InstructPix2Pix, arXiv:2211.09800); without them it is blank: zeros.
    `generators`, one per item, are for samplers that draw noise.
    """
    guided = config.guidance != 1 or any(window.guidance not in (None, 1) for window in windows)
    pipeline = pipeline.for_steps(n_steps=config.steps, guided=guided)
    scheduler = new_scheduler(pipeline.scheduler, config.sampler)
    timesteps = timesteps_for(scheduler, config.steps, n_run=config.n_run, device=pipeline.device)
    noise = noise.to(pipeline.device, torch.float32)
    inpainting = None if inpainting is None else inpainting.to(noise)
    latents = _start(scheduler, noise, timesteps, config, inpainting)
    cache = DeepCache(pipeline.unet, config.deep_cache) if config.deep_cache > 1 else None
    room = cells_in_memory(pipeline)
    network = Network(pipeline.unet, cache, room)
    guide = _guide_for(pipeline, noise, guide)
    predict = Predictor(network, windows, noise.shape[-1], pipeline.device, guide)

    guess: Tensor | None = None

    def prediction(scaled: Tensor, timestep: Tensor, index: int) -> Tensor:
        nonlocal guess
        predicted = from_network(scaled, timestep, index)
        if on_latents is not None:
            guess = _kept(clean_latents(scheduler, scaled, predicted, timestep), inpainting)
        return predicted

    def from_network(scaled: Tensor, timestep: Tensor, index: int) -> Tensor:
        done = index / len(timesteps)
        middle = done + 0.5 / len(timesteps)
        network.begin_pass(index)
        guidance = config.guidance if config.guides(middle) else None
        blank = middle > config.guide_until
        if inpainting is None or not config.skip_kept:
            return predict(scaled, timestep, guidance, blank=blank)
        found = exact_prediction(scheduler, inpainting.latents, noise, timestep)
        if items := items_to_paint(inpainting, len(noise), done):
            found[items] = predict(scaled, timestep, guidance, items=items, blank=blank)
        return found

    def report(index: int) -> None:
        # some samplers need several passes per step
        before, done = (n * config.n_run // len(timesteps) for n in (index, index + 1))
        if done > before and on_step is not None:
            on_step(done, config.n_run)
        if done > before and on_latents is not None and guess is not None:
            on_latents(guess, done, config.n_run)

    with (
        uncompiled(pipeline.unet, enabled=config.circular or cache is not None),
        circular_in_time(pipeline.unet, enabled=config.circular),
    ):
        latents = iterate(
            scheduler,
            timesteps,
            latents,
            prediction,
            noise=noise,
            inpainting=inpainting,
            options=step_options(scheduler, generators),
            on_pass=report,
        )
    if cache is not None and config.on_remark is not None:
        config.on_remark(cache.remark)
    check_finite(pipeline, latents)
    return _kept(latents, inpainting)


def _kept(latents: Tensor, inpainting: Inpainting | None) -> Tensor:
    """The latents, with those that are never regenerated as they were given."""
    if inpainting is None:
        return latents
    return torch.where(inpainting.mask <= 0, inpainting.latents, latents)


def _guide_for(pipeline: Pipeline, noise: Tensor, guide: Tensor | None) -> Tensor | None:
    """The guide's latents for each item, on the device; None for a model that takes none."""
    if not pipeline.guide_channels:
        if guide is not None:
            raise ParameterError(f"guide: {pipeline.name!r} has no input channels for one")
        return None
    if guide is None:
        return noise.new_zeros((len(noise), pipeline.guide_channels, *noise.shape[-2:]))
    return guide.to(noise).expand(len(noise), -1, -1, -1)


def iterate(
    scheduler: Any,
    timesteps: Tensor,
    latents: Float[Tensor, "batch channel row column"],
    predict: Callable[[Tensor, Tensor, int], Tensor],
    *,
    noise: Float[Tensor, "batch channel row column"],
    inpainting: Inpainting | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    on_pass: Callable[[int], None] = lambda index: None,
) -> Float[Tensor, "batch channel row column"]:
    """The denoising loop over all timesteps; every kind of painting uses it.

    `predict(latents, timestep, index)` returns the network's output. Before each call, the latents
    kept by `inpainting` are restored with `noise`. `options` are passed to the scheduler's step.
    """
    for index, timestep in enumerate(timesteps):
        if inpainting is not None:
            done = index / len(timesteps)
            latents = keep_known(scheduler, latents, noise, inpainting, timestep, done)
        scaled = scheduler.scale_model_input(latents, timestep)
        predicted = predict(scaled, timestep, index)
        latents = scheduler.step(predicted, timestep, latents, **options).prev_sample
        on_pass(index)
    return latents


def _start(
    scheduler: Any,
    noise: Float[Tensor, "batch channel row column"],
    timesteps: Tensor,
    config: SamplerConfig,
    inpainting: Inpainting | None,
) -> Float[Tensor, "batch channel row column"]:
    if config.strength < 1:
        if inpainting is None:
            raise ParameterError(
                f"strength={config.strength:g}: below 1, latents to start from are required"
            )
        return noised(scheduler, inpainting.latents, noise, timesteps[0])
    return noise * scheduler.init_noise_sigma
