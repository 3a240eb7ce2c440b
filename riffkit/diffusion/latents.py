"""Images ⇄ latents, and the noise that images begin as."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.seam import circular_in_time


def draw_noise(
    checkpoint: Checkpoint, *, n_columns: int, seed: int
) -> Float[Tensor, "1 channel latent_row column"]:
    """Unit noise for an image `n_columns` latent columns wide, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    rows = checkpoint.params.n_mels // checkpoint.stride
    return torch.randn((1, checkpoint.latent_channels, rows, n_columns), generator=generator)


@torch.inference_mode()
def pixels_to_latents(
    checkpoint: Checkpoint, pixels: UInt8[np.ndarray, "row frame 3"], *, circular: bool
) -> Float[Tensor, "1 channel latent_row column"]:
    """The autoencoder's mean for an image whose sides are multiples of `checkpoint.stride`."""
    signal = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None] / 127.5 - 1
    signal = signal.to(checkpoint.device, checkpoint.vae.dtype)
    with circular_in_time(checkpoint.vae, enabled=circular):
        mean = checkpoint.vae.encode(signal).latent_dist.mean
    return mean.float() * checkpoint.vae.config["scaling_factor"]


@torch.inference_mode()
def latents_to_pixels(
    checkpoint: Checkpoint, latents: Float[Tensor, "1 channel latent_row column"], *, circular: bool
) -> UInt8[np.ndarray, "row frame 3"]:
    """The inverse of `pixels_to_latents`; levels are rounded and clipped."""
    scaled = latents / checkpoint.vae.config["scaling_factor"]
    with circular_in_time(checkpoint.vae, enabled=circular):
        signal = checkpoint.vae.decode(scaled.to(checkpoint.vae.dtype)).sample
    levels = (signal[0].float() + 1).mul(127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(1, 2, 0).contiguous().numpy(force=True)
