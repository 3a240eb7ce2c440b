"""The layers of musicnn behind its front-end, as small as they can be kept.

Training has let most channels die: of the 561 features 375 never vary, of the first convolution's
64 filters 43. Their constants go into the biases of what hears them (only the three frames at
either end of a patch, which hear zeros beside it, differ by a little). The matrices that are left
are kept in eight bits, with one step for each output.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from riffkit.analysis.musicnn import N_FEATURES
from riffkit.analysis.tags import LAYERS
from train.tools.tf_checkpoint import normalisation

_N_FILTERS = 64
_FIRST_CONV, _FIRST_NORM, _POOL_NORM, _DENSE_NORM = 5, 6, 9, 10  # their numbers there
_LEAST_VARIANCE = 1e-5
"""Of a pooled channel over the music that the tagger was trained on."""


def tagger_tensors(tensors: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """What riffkit.analysis.tags reads, from the checkpoint's tensors by name."""
    at_rest, living = _channels(tensors)
    found = {"features": living[0].nonzero()[:, 0].to(torch.int16)}
    for index, name in enumerate(LAYERS):
        layer = _convolution(tensors, index, at_rest[index], living[index], living[index + 1])
        found |= {f"{name}.{part}": tensor for part, tensor in layer.items()}
    return _pack(found | _dense(tensors, torch.cat(living)))


def _pooled(tensors: dict[str, np.ndarray], part: str) -> Float[Tensor, "channel pool"]:
    """Of the normalisation of each channel's maximum and mean."""
    return torch.from_numpy(tensors[f"batch_normalization_{_POOL_NORM}/{part}"]).view(-1, 2)


def _channels(tensors: dict[str, np.ndarray]) -> tuple[list[Tensor], list[Tensor]]:
    """Of the front-end and of each layer: the means of the channels, and which of them live."""
    sizes = [N_FEATURES, *[_N_FILTERS] * len(LAYERS)]
    means = _pooled(tensors, "moving_mean")[:, 1].split(sizes)
    moved = _pooled(tensors, "moving_variance").amax(dim=1) > _LEAST_VARIANCE
    living = list(moved.split(sizes))
    for index in range(2, len(living)):  # a layer's channels are added to the next one's
        living[index] = living[index] | living[index - 1]
    return list(means), living


def _convolution(
    tensors: dict[str, np.ndarray],
    index: int,
    at_rest: Float[Tensor, " channel"],
    heard: Bool[Tensor, " channel"],
    kept: Bool[Tensor, " filter"],
) -> dict[str, Tensor]:
    """A layer that hears some channels and keeps some filters; the others are `at_rest`."""
    name = f"conv2d_{_FIRST_CONV + index}"
    kernel = torch.from_numpy(tensors[f"{name}/kernel"])[:, :, 0]  # time, in, out
    unheard = (at_rest * ~heard) @ kernel.sum(dim=0)
    scale, shift = normalisation(tensors, _FIRST_NORM + index)
    layer = {
        "weight": kernel[:, heard][:, :, kept].permute(2, 1, 0),
        "bias": (torch.from_numpy(tensors[f"{name}/bias"]) + unheard)[kept],
        "scale": scale[kept],
    }
    if index:  # what comes from the layer before is added
        shift = shift + at_rest * ~heard
        layer["residual"] = heard[kept].nonzero()[:, 0].to(torch.int16)
    return layer | {"shift": shift[kept]}


def _dense(tensors: dict[str, np.ndarray], living: Bool[Tensor, " channel"]) -> dict[str, Tensor]:
    """The pooled channels' normalisation (first all maxima, then all means) and the last layers."""
    scale, shift = (part.view(-1, 2) for part in normalisation(tensors, _POOL_NORM))
    matrix = torch.from_numpy(tensors["dense/kernel"]).view(*scale.shape, -1)
    at_rest = (_pooled(tensors, "moving_mean") * scale + shift)[~living]
    hidden_scale, hidden_shift = normalisation(tensors, _DENSE_NORM)
    return {
        "pool.scale": scale[living].T.flatten(),
        "pool.shift": shift[living].T.flatten(),
        "dense.weight": matrix[living].transpose(0, 1).flatten(0, 1).T,
        "dense.bias": torch.from_numpy(tensors["dense/bias"])
        + torch.einsum("cp,cph->h", at_rest, matrix[~living]),
        "dense.scale": hidden_scale,
        "dense.shift": hidden_shift,
        "output.weight": torch.from_numpy(tensors["dense_1/kernel"]).T,
        "output.bias": torch.from_numpy(tensors["dense_1/bias"]),
    }


def _pack(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of riffkit.analysis.tags.unpack, to half a step."""
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(".weight"):
            step = tensor.flatten(1).abs().amax(dim=1).clamp(min=1e-12) / 127
            rows = tensor / step.view(-1, *[1] * (tensor.dim() - 1))
            packed |= {name: rows.round().to(torch.int8), f"{name}.step": step}
        else:
            packed[name] = tensor
    return packed
