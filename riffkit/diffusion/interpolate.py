"""Between two noises, or two images, in latent space."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_PARALLEL = 0.9995


def slerp(
    first: Float[Tensor, "*shape"], second: Float[Tensor, "*shape"], share: Tensor | float
) -> Float[Tensor, "*shape"]:
    """On the great circle from `first` (share 0) to `second` (share 1), in float32.

    Unlike the straight way it keeps the norm, without which noise is no longer noise (Shoemake
    1985; White 2016, arXiv:1609.04468). `share` may differ from place to place; the angle is that
    between the whole tensors. All but parallel ones are mixed straight.
    """
    first, second = first.float(), second.float()
    share = torch.as_tensor(share, dtype=torch.float32, device=first.device)
    cosine = float((first * second).sum() / (first.norm() * second.norm()).clamp(min=1e-12))
    if abs(cosine) > _PARALLEL:
        return torch.lerp(first, second, share.expand_as(first))
    angle = torch.arccos(torch.tensor(cosine, device=first.device))
    return ((1 - share) * angle).sin() / angle.sin() * first + (
        share * angle
    ).sin() / angle.sin() * second
