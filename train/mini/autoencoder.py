"""The bundled model's autoencoder: 512 × 512 × 3 pixels ⇄ 32 × 32 × 9 latents.

One latent column is a sixteenth note, one latent row sixteen mel bands. The last channel
belongs to the bar cue (riffkit/diffusion/bar_cue.py): the encoder leaves it at zero and the
decoder never reads it. Small noise on the latents stands in for a KL term: it keeps them
smooth enough for a diffusion model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from riffkit.diffusion.circular import circular_in_time
from riffkit.training.rows import SeededItems
from train.mini.crops import Crops

N_SOUND_CHANNELS = 8
LATENT_CHANNELS = N_SOUND_CHANNELS + 1
LATENT_NOISE = 0.05


def new_autoencoder() -> AutoencoderKL:
    channels = (16, 32, 64, 96, 96)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=512,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


class AutoencoderTask:
    """Reconstruction of random two-beat crops, wrapped in time as a loop of their own.

    With `decoder_of` the encoder is that model's and stays as it is, and its decoder learns on:
    all latents remain valid, and so does what was trained on them.
    """

    def __init__(self, crops: Crops, *, decoder_of: AutoencoderKL | None = None) -> None:
        self.network: nn.Module = decoder_of or new_autoencoder()
        if decoder_of is not None:
            decoder_of.encoder.requires_grad_(False)
            decoder_of.quant_conv.requires_grad_(False)
        self._crops = crops
        self.n_items = len(crops)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [{"params": trained, "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> SeededItems:
        return SeededItems.draw(items, generator)

    def loss(self, batch: SeededItems) -> tuple[Float[Tensor, ""], dict[str, float]]:
        generators = batch.generators()
        target = self._crops.draw(batch.items, generators, next(self.network.parameters()).device)
        with circular_in_time(self.network):
            output = reconstruct(self.network, target, noise=LATENT_NOISE, generators=generators)
        pixel = (output - target).abs().mean()
        onset = (output.diff(dim=-1) - target.diff(dim=-1)).abs().mean()
        partial = (output.diff(dim=-2) - target.diff(dim=-2)).abs().mean()
        texture = texture_distance(output, target)
        loss = pixel + 0.5 * onset + 0.5 * partial + 0.5 * texture
        return loss, {"levels": 127.5 * float(pixel.detach()), "texture": float(texture.detach())}

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Mean difference in 8-bit levels over whole held-out images."""
        levels = []
        with circular_in_time(network):
            for target in self._crops.held_out():
                output = reconstruct(network, target.to(next(network.parameters()).device))
                levels.append(127.5 * float((output.cpu() - target).abs().mean()))
        return {"held_out_levels": float(np.mean(levels))}


def reconstruct(
    network: nn.Module,
    target: Float[Tensor, "batch plane row column"],
    *,
    noise: float = 0.0,
    generators: Sequence[torch.Generator] = (),
) -> Float[Tensor, "batch plane row column"]:
    """Encode and decode, the cue channel left out.

    `noise` is relative to each channel's spread, and each item's is drawn by its own generator.
    """
    assert isinstance(network, AutoencoderKL)
    latents = network.encode(target).latent_dist.mean
    sound = latents[:, :N_SOUND_CHANNELS]
    if noise:
        spread = sound.detach().std(dim=(0, 2, 3), keepdim=True)
        drawn = torch.stack([torch.randn(sound.shape[1:], generator=g) for g in generators])
        sound = sound + noise * spread * drawn.to(sound)
    return network.decode(functional.pad(sound, (0, 0, 0, 0, 0, 1))).sample.float()


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


@torch.no_grad()
def standardize_latents(network: AutoencoderKL, crops: Crops) -> AutoencoderKL:
    """Fold each sound channel's mean and spread into the 1×1 convolutions around the latents.

    Afterwards every sound channel has mean 0 and variance 1 over the data, the cue channel is
    0 when encoding and ignored when decoding, and the encoder's stated deviation is the noise
    that the decoder was trained with.
    """
    with circular_in_time(network):
        parts = [network.encode(image).latent_dist.mean[0] for image in crops.sample(256)]
    values = torch.cat([part[:N_SOUND_CHANNELS].flatten(1) for part in parts], dim=1)
    mean, spread = values.mean(dim=1), values.std(dim=1)
    _fold_into_encoder(network.quant_conv, mean, spread)
    _fold_into_decoder(network.post_quant_conv, mean, spread)
    return network


def _fold_into_encoder(conv: nn.Conv2d, mean: Tensor, spread: Tensor) -> None:
    assert conv.bias is not None
    conv.weight[:N_SOUND_CHANNELS] /= spread[:, None, None, None]
    conv.bias[:N_SOUND_CHANNELS] = (conv.bias[:N_SOUND_CHANNELS] - mean) / spread
    conv.weight[N_SOUND_CHANNELS:] = 0
    conv.bias[N_SOUND_CHANNELS] = 0
    conv.bias[LATENT_CHANNELS:] = 2 * float(np.log(LATENT_NOISE))


def _fold_into_decoder(conv: nn.Conv2d, mean: Tensor, spread: Tensor) -> None:
    assert conv.bias is not None
    sound = conv.weight[:, :N_SOUND_CHANNELS, 0, 0]
    conv.bias += sound @ mean
    conv.weight[:, :N_SOUND_CHANNELS, 0, 0] = sound * spread
    conv.weight[:, N_SOUND_CHANNELS:] = 0
