"""This model for diffusers alone: its autoencoder works on pixels folded into channels.

    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(FOLDER, custom_pipeline=FOLDER, trust_remote_code=True)
    image = pipe("solo violin", image=guide, image_guidance_scale=1.0).images[0]

`image` is the guide, 512 × 512 pixels; a white one is a guide of silence, not none.
"""

from __future__ import annotations

import math
from typing import Any

from diffusers import AutoencoderKL, StableDiffusionInstructPix2PixPipeline
from diffusers.image_processor import VaeImageProcessor
from torch import Tensor
from torch.nn import functional


class FoldedAutoencoder(AutoencoderKL):
    """An AutoencoderKL of 3 planes, whose network sees blocks of pixels as channels."""

    def encode(self, x: Tensor, *args: Any, **options: Any) -> Any:
        return super().encode(functional.pixel_unshuffle(x, _fold(self)), *args, **options)

    def decode(self, z: Tensor, *args: Any, **options: Any) -> Any:
        decoded = super().decode(z, *args, **options)
        if isinstance(decoded, tuple):
            return (functional.pixel_shuffle(decoded[0], _fold(self)), *decoded[1:])
        decoded.sample = functional.pixel_shuffle(decoded.sample, _fold(self))
        return decoded


def _fold(vae: AutoencoderKL) -> int:
    return math.isqrt(int(vae.config["in_channels"]) // 3)


class RiffPipeline(StableDiffusionInstructPix2PixPipeline):
    """InstructPix2Pix with that autoencoder."""

    def __init__(  # diffusers reads the parts' names here
        self,
        vae: Any,
        text_encoder: Any,
        tokenizer: Any,
        unet: Any,
        scheduler: Any,
        safety_checker: Any = None,
        feature_extractor: Any = None,
        image_encoder: Any = None,
        requires_safety_checker: bool = False,
    ) -> None:
        super().__init__(
            vae,
            text_encoder,
            tokenizer,
            unet,
            scheduler,
            safety_checker,
            feature_extractor,
            image_encoder,
            requires_safety_checker,
        )
        self.vae.__class__ = FoldedAutoencoder
        self.vae_scale_factor *= _fold(self.vae)
        self.image_processor = VaeImageProcessor(vae_scale_factor=self.vae_scale_factor)
