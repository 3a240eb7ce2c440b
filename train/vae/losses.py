"""What an autoencoder is judged by: pixels, edges in time and frequency, texture, steadiness.

Images hold levels from -1 (loud) to 1 (silence); an error of 1 is 127.5 levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_HELD_COLUMNS = 17
_STEADY = 0.04  # how much a held partial's level may change from column to column
LEVELS = 127.5


@dataclass(frozen=True)
class LossWeights:
    """Of each term; pixels have 1.

    `onset` and `partial` are differences from a column or row to the next, `slow` those over 2, 4
    and 8 columns, `block` errors averaged over 4 × 4 pixels, `wobble` see `level_wobble`.
    """

    onset: float = 0.5
    partial: float = 0.5
    slow: float = 0.15
    block: float = 0.5
    texture: float = 0.3
    wobble: float = 1.0


def vae_loss(
    output: Float[Tensor, "batch plane row column"],
    target: Float[Tensor, "batch plane row column"],
    weights: LossWeights,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The weighted sum, and its parts in levels."""
    error = output - target
    wobble = level_wobble(error, target)
    texture = texture_distance(output, target)
    pixel, block = error.abs().mean(), block_error(error)
    loss = (
        pixel
        + weights.onset * _difference(error, 1)
        + weights.partial * (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        + weights.slow * sum((_difference(error, columns) for columns in (2, 4, 8)), pixel * 0)
        + weights.block * block
        + weights.texture * texture
        + weights.wobble * wobble
    )
    parts = {"levels": pixel, "levels_4x4": block, "wobble": wobble, "texture": texture}
    return loss, {name: LEVELS * float(part.detach()) for name, part in parts.items()}


def block_error(error: Float[Tensor, "batch plane row column"]) -> Float[Tensor, ""]:
    """The mean of what is left of an error averaged over blocks of 4 × 4 pixels."""
    return functional.avg_pool2d(error, 4).abs().mean()


def texture_distance(
    output: Float[Tensor, "batch plane row column"], target: Float[Tensor, "batch plane row column"]
) -> Float[Tensor, ""]:
    """Difference in the local strength of fine detail, wherever the detail itself lies.

    A mean error alone smooths noise (cymbals, breath) away; this keeps its grain.
    """
    return (_grain(output) - _grain(target)).abs().mean()


def _grain(image: Float[Tensor, "batch plane row column"]) -> Float[Tensor, "b p r c"]:
    detail = image - functional.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)
    return functional.avg_pool2d(detail.abs(), 8, stride=4)


def level_wobble(
    error: Float[Tensor, "batch plane row column"], target: Float[Tensor, "batch plane row column"]
) -> Float[Tensor, ""]:
    """How much the error of held partials changes over time, in units of the image.

    A partial that is too loud throughout is another timbre; one whose level wavers is another
    sound. So what counts is the error less its mean over some 17 columns, where the target itself
    is steady over these, the more the louder it is.
    """
    inner = slice(_HELD_COLUMNS // 2, -(_HELD_COLUMNS // 2))
    with torch.no_grad():
        weight = _steadiness(target) * (1 - target[..., inner]) / 2
    wavering = error[..., inner] - functional.avg_pool2d(error, (1, _HELD_COLUMNS), stride=1)
    return (weight * wavering.abs()).sum() / (weight.sum() + 1.0)


def _steadiness(
    target: Float[Tensor, "batch plane row column"],
) -> Float[Tensor, "batch plane row inner"]:
    """1 where a pixel's row hardly changes over the columns around it, falling to 0."""
    change = functional.pad((target[..., 1:] - target[..., :-1]).abs(), (0, 1))
    around = functional.avg_pool2d(change, (1, _HELD_COLUMNS), stride=1)
    return torch.exp(-((around / _STEADY) ** 2))


def _difference(error: Float[Tensor, "batch plane row column"], columns: int) -> Float[Tensor, ""]:
    return (error[..., columns:] - error[..., :-columns]).abs().mean()
