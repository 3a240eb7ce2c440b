"""Fades: of a sound's ends, and of one sound into another without a dip."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.errors import ParameterError


def crossfade(
    first: Float[Tensor, "first_channel first_sample"],
    second: Float[Tensor, "second_channel second_sample"],
    n_samples: int,
) -> Float[Tensor, "first_channel sample"]:
    """`first` followed by `second`, crossfaded over `n_samples`.

    Equal power: unrelated sounds keep their level through the fade (a linear fade dips by 3 dB).
    The result is `n_samples` shorter than both together.
    """
    if first.shape[0] != second.shape[0]:
        raise ParameterError(
            f"first has {first.shape[0]} channels, second {second.shape[0]}: must be the same"
        )
    longest = min(first.shape[-1], second.shape[-1])
    if not 0 <= n_samples <= longest:
        raise ParameterError(
            f"n_samples={n_samples}: must be between 0 and {longest}, the shorter clip's length"
        )
    fade_in, fade_out = equal_power_gains(n_samples)
    n_before = first.shape[-1] - n_samples
    overlap = first[:, n_before:] * fade_out + second[:, :n_samples] * fade_in
    return torch.cat([first[:, :n_before], overlap, second[:, n_samples:]], -1)


def equal_power_gains(n_samples: int) -> tuple[Float[Tensor, " sample"], Float[Tensor, " sample"]]:
    """A rising and a falling gain whose squares add up to 1 at every sample."""
    angle = (torch.arange(n_samples, dtype=torch.float64) + 0.5) / max(1, n_samples) * math.pi / 2
    return angle.sin().float(), angle.cos().float()


def raised_cosine(share: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """A gain that rises smoothly from 0 at share 0 to 1 at share 1.

    The rising and the falling gain add up to 1, so similar sounds keep their level through the
    fade.
    """
    return (share * (math.pi / 2)).sin().square()
