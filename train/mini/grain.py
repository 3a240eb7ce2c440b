"""Training of the grain (riffkit/models/grain.py) on rendered loops.

An error would teach it to paint the mean, which is what the decoder does already. Instead it paints
two drafts with other noise, and is given their energy score (Gneiting and Raftery 2007, JASA 102,
eq. 22): how far the drafts lie from the true image, less half of how far they lie from each other.
In expectation only images drawn as the true ones are have the least. The score is taken of pixels,
of blocks of them, and of what texture is heard by: the local strength of each pattern of a block's
cosine transform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from riffkit.diffusion.circular import circular_in_time
from riffkit.models.grain import FOLDER, Grain, GrainConfig, grain_noise, save_grain
from riffkit.training.rows import SeededItems
from riffkit.training.state import load_ema
from train.mini.autoencoder import LATENT_NOISE, N_SOUND_CHANNELS
from train.mini.crops import CROP_COLUMNS, Crops

_BLOCKS = (1, 2, 4, 8)
_PATTERNS = 8
_N_NOISE_COLUMNS = 128
_TEXTURE_WEIGHT = 2.0
_LEAST = 1e-6


class GrainTask:
    """Crops of the loops, through the autoencoder, and given their grain back."""

    def __init__(self, crops: Crops, coder: AutoencoderKL) -> None:
        self.network: nn.Module = Grain(GrainConfig(n_latents=N_SOUND_CHANNELS))
        self._coder = coder.eval().requires_grad_(False)
        self._crops = crops
        self._noise = grain_noise(
            int(coder.config["sample_size"]), torch.arange(_N_NOISE_COLUMNS), 16
        )[0]
        self.n_items = len(crops)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> SeededItems:
        return SeededItems.draw(items, generator)

    def loss(self, batch: SeededItems) -> tuple[Float[Tensor, ""], dict[str, float]]:
        device = next(self.network.parameters()).device
        generators = batch.generators()
        target = self._crops.draw(batch.items, generators, device)
        with torch.no_grad():
            latents, decoded = self._coded(target, generators)
        drafts = [
            self._grown(self.network, decoded, latents, self._drawn(generators, device))
            for _ in range(2)
        ]
        with torch.autocast(device.type, enabled=False):
            score, texture = energy_scores(target, *drafts)
        loss = score + _TEXTURE_WEIGHT * texture
        return loss, {"score": float(score.detach()), "texture": float(texture.detach())}

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Both scores of whole held-out images, and those without grain."""
        device = next(network.parameters()).device
        rows = []
        for image in self._crops.held_out():
            target, width = image.to(device), image.shape[-1]
            latents, decoded = self._coded(target)
            drafts = [
                self._grown(network, decoded, latents, self._noise[None, ..., i : i + width])
                for i in (0, width)
            ]
            with_grain = energy_scores(target, *drafts)
            without = energy_scores(target, decoded, decoded)
            rows.append(torch.stack([*with_grain, *without]).cpu())
        names = "held_out_score", "held_out_texture", "score_without", "texture_without"
        return dict(zip(names, torch.stack(rows).mean(dim=0).tolist(), strict=True))

    def _coded(
        self, target: Float[Tensor, "b 3 row frame"], generators: Sequence[torch.Generator] = ()
    ) -> tuple[Float[Tensor, "b channel latent_row column"], Float[Tensor, "b 3 row frame"]]:
        """The latents, with noise if there are generators, and what they are decoded to."""
        coder = self._coder.to(target.device)
        with circular_in_time(coder):
            latents = coder.encode(target).latent_dist.mean.float()
            if generators:
                drawn = [torch.randn(latents.shape[1:], generator=g) for g in generators]
                latents = latents + LATENT_NOISE * torch.stack(drawn).to(latents)
            return latents, coder.decode(latents).sample.float()

    def _drawn(
        self, generators: Sequence[torch.Generator], device: torch.device
    ) -> Float[Tensor, "b 3 row frame"]:
        """Another part of the noise for each item."""
        self._noise = self._noise.to(device)
        n_starts = self._noise.shape[-1] - CROP_COLUMNS
        starts = [int(torch.randint(n_starts, (), generator=g)) for g in generators]
        return torch.stack([self._noise[..., i : i + CROP_COLUMNS] for i in starts])

    @staticmethod
    def _grown(network: nn.Module, decoded: Tensor, latents: Tensor, noise: Tensor) -> Tensor:
        with circular_in_time(network):
            grown: Tensor = network(decoded, latents, noise.to(decoded))
        return grown.float()


def energy_scores(
    target: Float[Tensor, "b 3 row frame"],
    draft: Float[Tensor, "b 3 row frame"],
    other: Float[Tensor, "b 3 row frame"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Of the pixels and blocks of two drafts, and of their texture; 0 is the least there is."""
    pixels = torch.stack([_score(*_in_blocks(size, target, draft, other)) for size in _BLOCKS])
    strengths = [_pattern_strength(image)[:, None] for image in (target, draft, other)]
    return pixels.mean(), _score(*strengths)


def _score(target: Tensor, draft: Tensor, other: Tensor) -> Float[Tensor, ""]:
    """Dimension 1 holds each place's features."""
    near = _distance(draft, target) + _distance(other, target)
    return 0.5 * (near - _distance(draft, other))


def _distance(one: Tensor, other: Tensor) -> Float[Tensor, ""]:
    squared = (one - other).square().mean(dim=1)
    return (squared + _LEAST).sqrt().mean()


def _in_blocks(size: int, *images: Tensor) -> list[Float[Tensor, "b feature row column"]]:
    return [functional.pixel_unshuffle(image, size) for image in images]


def _pattern_strength(image: Float[Tensor, "b 3 row frame"]) -> Float[Tensor, "plane p r c"]:
    """How strong each pattern is, over some 12 × 12 pixels."""
    patterns = _cosine_patterns().to(image)
    response = functional.conv2d(image.flatten(0, 1)[:, None], patterns, stride=_PATTERNS // 2)
    return (functional.avg_pool2d(response.square(), 2, stride=1) + _LEAST).sqrt()


@cache
def _cosine_patterns() -> Float[Tensor, "pattern 1 8 8"]:
    """The orthonormal cosine transform of a block, but its mean."""
    places = torch.arange(_PATTERNS) + 0.5
    waves = torch.cos(torch.pi / _PATTERNS * torch.arange(_PATTERNS)[:, None] * places)
    waves[0] /= math.sqrt(2)
    waves *= math.sqrt(2 / _PATTERNS)
    both = waves[:, None, :, None] * waves[None, :, None, :]
    return both.flatten(0, 1)[1:, None]


def export_grain(state: Path, model: Path) -> None:
    """Write a run's averaged weights into a model folder."""
    grain = Grain(GrainConfig(n_latents=N_SOUND_CHANNELS))
    load_ema(grain, state)
    save_grain(grain, model / FOLDER)
