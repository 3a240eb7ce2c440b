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
_COLUMNS = 8  # of each seed


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
        """Fitted by least squares to the bundled seeds and their pictures: one decoding.

        Raises ParameterError for a model whose images have other rows.
        """
        request = PaintRequest()
        themes = [open_theme(pipeline, name, request).latents for name in seed_names()]
        latents = torch.cat([one[..., :_COLUMNS] for one in themes], dim=-1)
        pixels = latents_to_pixels(pipeline, latents, circular=False)
        gray = torch.from_numpy(pixels).float().mean(-1)
        levels = functional.avg_pool2d(gray[None], pipeline.stride).flatten()
        n_channels = pipeline.latent_channels - pipeline.traits.bar_cue  # which has no color
        cells = latents[0, :n_channels].float().cpu()
        cells = torch.cat([cells, torch.ones_like(cells[:1])]).flatten(1).T
        found = torch.linalg.lstsq(cells, levels[:, None]).solution[:, 0]
        return cls(found[:-1], float(found[-1]))

    def png(self, latents: Float[Tensor, "batch channel row column"]) -> bytes:
        """A PNG of at most 1024 × 128 pixels; a batch's pictures stand one after another."""
        cells = torch.cat(latents.float().cpu().split(1), dim=-1)[0, : len(self.weights)]
        gray = torch.einsum("crf,c->rf", cells, self.weights) + self.bias
        image = Image.fromarray(gray.round().clamp(0, 255).to(torch.uint8).numpy())
        width = min(_WIDEST_PX, max(1, image.width * _HEIGHT_PX // image.height))
        file = io.BytesIO()
        image.resize((width, _HEIGHT_PX), Image.Resampling.BICUBIC).save(file, "png")
        return file.getvalue()
