"""How much of a batch or an image the networks take at once, by the memory that is free.

A network's greatest need is reckoned as so many maps of its features at full resolution, on the
safe side; half of what is free may be used.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from riffkit.device import free_bytes

_UNET_MAPS = 40
_VAE_MAPS = 12


def cells_in_memory(unet: UNet2DConditionModel, device: torch.device) -> int:
    """How many latent cells of a batch there is room for."""
    channels = int(unet.config["block_out_channels"][0])
    return _room(device) // (_UNET_MAPS * channels * unet.dtype.itemsize)


def columns_in_memory(vae: AutoencoderKL, device: torch.device, *, n_pixel_rows: int) -> int:
    """How many latent columns of an image that high there is room for."""
    widths = vae.config["block_out_channels"]
    n_pixels = n_pixel_rows * 2 ** (len(widths) - 1)
    return _room(device) // (_VAE_MAPS * int(widths[0]) * n_pixels * vae.dtype.itemsize)


def _room(device: torch.device) -> int:
    return free_bytes(device) // 2
