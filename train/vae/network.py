"""The autoencoder of riff-mini 2, diffusers' AutoencoderKL: 512 × 512 × 3 pixels ⇄ 32 × 32 latents.

With `fold` 4 the network works on pixels that are folded into channels, 4 × 4 × 3 at a time
(pixel unshuffle), so that no convolution goes over whole images. The last latent channel belongs to
the bar cue (riffkit/diffusion/bar_cue.py): the encoder leaves it at zero and the decoder never
reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError

STRIDE = 16
N_PLANES = 3


@dataclass(frozen=True)
class VaeConfig:
    """`channels` from the fold's resolution down to the latents', each half the one before."""

    sound_channels: int = 8
    fold: int = 4
    channels: tuple[int, ...] = (64, 96, 128)
    layers: int = 1
    groups: int = 8
    latent_noise: float = 0.05

    def __post_init__(self) -> None:
        if self.fold * 2 ** (len(self.channels) - 1) != STRIDE:
            raise ParameterError(
                f"fold={self.fold}, channels={self.channels}: must make a stride of {STRIDE}"
            )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}

    def with_sound_channels(self, sound_channels: int) -> VaeConfig:
        return replace(self, sound_channels=sound_channels)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VaeConfig:
        """The inverse of `to_dict`."""
        return cls(**{**values, "channels": tuple(values["channels"])})


FOLDED = VaeConfig()
UNFOLDED = VaeConfig(fold=1, channels=(16, 16, 32, 96, 128))
"""Without folding: what a plain StableDiffusionPipeline decodes, at half the speed."""


def pixels_to_signal(
    pixels: UInt8[np.ndarray, "batch plane row column"],
    device: torch.device = torch.device("cpu"),  # noqa: B008 (a constant)
) -> Float[Tensor, "batch plane row column"]:
    """UInt8 levels to -1 … 1; white (silence) is 1."""
    return torch.tensor(pixels, device=device).float() / 127.5 - 1


def new_vae(config: VaeConfig) -> AutoencoderKL:
    depth = len(config.channels)
    return AutoencoderKL(
        in_channels=N_PLANES * config.fold**2,
        out_channels=N_PLANES * config.fold**2,
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        block_out_channels=config.channels,
        layers_per_block=config.layers,
        latent_channels=config.sound_channels + 1,
        norm_num_groups=config.groups,
        sample_size=512 // config.fold,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def fold_of(network: AutoencoderKL) -> int:
    """How many pixels a side are one of the network's."""
    return math.isqrt(int(network.config["in_channels"]) // N_PLANES)


def encode(
    network: AutoencoderKL, image: Float[Tensor, "batch plane row column"]
) -> Float[Tensor, "batch sound latent_row latent_column"]:
    """The sound channels; call it inside `circular_in_time`."""
    folded = functional.pixel_unshuffle(image, fold_of(network))
    latents: Tensor = network.encode(folded).latent_dist.mean
    return latents[:, :-1]


def decode(
    network: AutoencoderKL, sound: Float[Tensor, "batch sound latent_row latent_column"]
) -> Float[Tensor, "batch plane row column"]:
    """The inverse of `encode`."""
    latents = functional.pad(sound, (0, 0, 0, 0, 0, 1))
    folded = network.decode(latents).sample
    return functional.pixel_shuffle(folded, fold_of(network)).float()


def add_noise(
    sound: Float[Tensor, "batch sound r c"], noise: float, generators: Sequence[torch.Generator]
) -> Float[Tensor, "batch sound r c"]:
    """Noise of that share of each channel's spread; each item's is drawn by its own generator."""
    spread = sound.detach().float().std(dim=(0, 2, 3), keepdim=True)
    drawn = torch.stack([torch.randn(sound.shape[1:], generator=g) for g in generators])
    return sound + (noise * spread).to(sound) * drawn.to(sound)


@torch.no_grad()
def standardize(
    network: AutoencoderKL, images: Sequence[Float[Tensor, "1 plane row column"]], config: VaeConfig
) -> AutoencoderKL:
    """Fold each sound channel's mean and spread into the 1 × 1 convolutions around the latents.

    Afterwards every sound channel has mean 0 and variance 1 over `images`, the cue channel is 0
    when encoding and ignored when decoding, and the encoder's stated deviation is the noise that
    the decoder was trained with.
    """
    with circular_in_time(network):
        parts = [encode(network, image)[0].flatten(1) for image in images]
    values = torch.cat(parts, dim=1)
    mean, spread = values.mean(dim=1), values.std(dim=1)
    n_sound = config.sound_channels
    _fold_into_encoder(network.quant_conv, mean, spread, n_sound, config.latent_noise)
    _fold_into_decoder(network.post_quant_conv, mean, spread, n_sound)
    return network


def _fold_into_encoder(
    conv: nn.Conv2d, mean: Tensor, spread: Tensor, n_sound: int, noise: float
) -> None:
    assert conv.bias is not None
    conv.weight[:n_sound] /= spread[:, None, None, None]
    conv.bias[:n_sound] = (conv.bias[:n_sound] - mean) / spread
    conv.weight[n_sound:] = 0
    conv.bias[n_sound] = 0
    conv.bias[n_sound + 1 :] = 2 * math.log(noise)


def _fold_into_decoder(conv: nn.Conv2d, mean: Tensor, spread: Tensor, n_sound: int) -> None:
    assert conv.bias is not None
    sound = conv.weight[:, :n_sound, 0, 0].clone()
    conv.bias += sound @ mean
    conv.weight[:, :n_sound, 0, 0] = sound * spread
    conv.weight[:, n_sound:] = 0
