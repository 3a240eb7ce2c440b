"""Latents that are given: what is kept of them at each step, and what needn't be computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Known:
    """Latents that are given, and how much of them is free.

    `free` runs from 0 (kept exactly) to 1 (made anew); between, a place is kept until the last
    `free` part of the steps (differential diffusion, arXiv:2306.00950).
    """

    latents: Float[Tensor, "batch channel row column"]
    free: Float[Tensor, "#batch #channel #row #column"]

    def to(self, like: Tensor) -> Known:
        """Where that tensor lies, in its dtype."""
        return Known(self.latents.to(like), self.free.to(like))


def noised(
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    noise: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
) -> Float[Tensor, "batch channel row column"]:
    """The latents at a timestep's noise level."""
    return scheduler.add_noise(latents, noise, timestep.expand(len(latents)))


def keep_known(
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    noise: Float[Tensor, "batch channel row column"],
    known: Known,
    timestep: Tensor,
    done: float,
) -> Float[Tensor, "batch channel row column"]:
    """Put back what is still kept when `done` (0 to 1) of the steps are, at their noise level."""
    given = noised(scheduler, known.latents, noise, timestep)
    return torch.where(known.free < 1 - done, given, latents)


def items_to_paint(known: Known, n_items: int, done: float) -> list[int]:
    """The items of the batch of which anything is free by now."""
    free = (known.free >= 1 - done).flatten(1).any(dim=1).expand(n_items)
    return torch.nonzero(free)[:, 0].tolist()


def exact_prediction(
    scheduler: Any,
    latents: Float[Tensor, "batch channel row column"],
    noise: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
) -> Float[Tensor, "batch channel row column"]:
    """What a network that knew latents and noise would predict."""
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise.clone()
    if kind == "sample":
        return latents.clone()
    alphas = scheduler.alphas_cumprod.to(noise)
    below = timestep.long().clamp(max=len(alphas) - 2)  # Karras' timesteps lie between
    alpha = torch.lerp(alphas[below], alphas[below + 1], (timestep - below).to(noise))
    return alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
