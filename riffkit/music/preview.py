"""A small picture of what is being painted, before it is done."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional

from riffkit.diffusion.latents import latents_to_pixels
from riffkit.models.pipeline import Pipeline
from riffkit.music.request import PaintRequest
from riffkit.music.seeds import seed_names
from riffkit.music.theme import open_theme

_HEIGHT_PX = 128
_WIDEST_PX = 1024
_COLUMNS = 32  # of the seed


@dataclass(frozen=True, eq=False)
class Preview:
    """The gray level of each latent cell, as a linear function of its channels.

    The autoencoder's decoder takes longer than several steps of a small model; this takes a
    millisecond, and shows where sound is, but not how fine its lines are.
    """

    weights: Float[Tensor, " channel"]
    bias: float

    @classmethod
    def of(cls, pipeline: Pipeline) -> Preview:
        """Fitted by least squares to a bundled seed and its picture, which takes one decoding.

        Raises ParameterError for a model whose images have other rows.
        """
        name, stride = next(iter(seed_names())), pipeline.stride
        latents = open_theme(pipeline, name, PaintRequest()).latents[..., :_COLUMNS]
        pixels = latents_to_pixels(pipeline, latents, circular=False)
        gray = torch.from_numpy(pixels).float().mean(-1)
        levels = functional.avg_pool2d(gray[None], stride).flatten()
        latents = latents[0].float()
        cells = torch.cat([latents.cpu(), torch.ones(1, *latents.shape[1:])]).flatten(1).T
        found = torch.linalg.lstsq(cells, levels[:, None]).solution[:, 0]
        return cls(found[:-1], float(found[-1]))

    def png(self, latents: Float[Tensor, "batch channel row column"]) -> bytes:
        """A PNG of at most 1024 × 128 pixels; a batch's pictures stand one after another."""
        cells = torch.cat(latents.float().cpu().split(1), dim=-1)[0]
        gray = torch.einsum("crf,c->rf", cells, self.weights) + self.bias
        image = Image.fromarray(gray.round().clamp(0, 255).to(torch.uint8).numpy())
        width = min(_WIDEST_PX, max(1, image.width * _HEIGHT_PX // image.height))
        file = io.BytesIO()
        image.resize((width, _HEIGHT_PX), Image.Resampling.BICUBIC).save(file, "png")
        return file.getvalue()
