"""How much of a batch or an image the networks process at once, by free memory.

A network's peak memory is estimated, generously, as a number of full-resolution feature maps; half
of the free memory may be used. Small models need so little that the limit never applies, so it
doesn't affect their output.
"""

from __future__ import annotations

import sys

from riffkit.device import free_bytes
from riffkit.models.compute import is_large
from riffkit.models.pipeline import Pipeline

_UNET_MAPS = 40
_VAE_MAPS = 12


def cells_in_memory(pipeline: Pipeline) -> int:
    """The number of latent cells of a batch that fit in memory for the UNet."""
    unet = pipeline.unet
    channels = int(unet.config["block_out_channels"][0])
    return _room(pipeline) // (_UNET_MAPS * channels * unet.dtype.itemsize)


def columns_in_memory(pipeline: Pipeline, *, n_pixel_rows: int) -> int:
    """The number of latent columns of `n_pixel_rows` that fit in memory for the autoencoder."""
    vae = pipeline.vae
    width = int(vae.config["block_out_channels"][0])
    n_pixels = n_pixel_rows * pipeline.stride // pipeline.fold**2
    return _room(pipeline) // (_VAE_MAPS * width * n_pixels * vae.dtype.itemsize)


def _room(pipeline: Pipeline) -> int:
    return free_bytes(pipeline.device) // 2 if is_large(pipeline.unet) else sys.maxsize
