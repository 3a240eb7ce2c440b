"""The network's prediction for one denoising step: windows, guidance, batches that fit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.diffusion.deep_cache import DeepCache
from riffkit.diffusion.prompts import with_equal_tokens

MOST_CELLS = 32_768
"""How many latent cells the UNet sees at once: 32 images of 32 × 32, 8 of 64 × 64."""


@dataclass(frozen=True, eq=False)
class Window:
    """Columns `start` … `start + width` (past the end: from the beginning again), and their text.

    `text` and `negative_text` hold one embedding for each item of the batch, each of as many
    tokens as it likes. `guidance`, if given, stands for the whole image's.
    """

    start: int
    width: int
    text: Float[Tensor, "batch _ feature"]
    negative_text: Float[Tensor, "batch _ feature"]
    guidance: float | None = None

    def columns(self, n_columns: int) -> Int[Tensor, " column"]:
        """The columns of an image that wide."""
        return torch.arange(self.start, self.start + self.width) % n_columns

    def of(self, items: Sequence[int]) -> Window:
        """For some items of the batch."""
        return replace(self, text=self.text[items], negative_text=self.negative_text[items])


@dataclass(frozen=True)
class Network:
    """The UNet, of as many items at a time as memory likes, perhaps with its deep features kept.

    `room`: how many latent cells there is memory for.
    """

    unet: UNet2DConditionModel
    cache: DeepCache | None = None
    room: int = MOST_CELLS

    @property
    def embeds_guidance(self) -> bool:
        """Whether it was distilled to know the guidance itself (LCM, arXiv:2310.04378)."""
        return self.unet.config.get("time_cond_proj_dim") is not None

    def begin_pass(self, index: int) -> None:
        if self.cache is not None:
            self.cache.begin_pass(index)

    def __call__(
        self,
        key: Hashable,
        latents: Float[Tensor, "batch channel row column"],
        timestep: Tensor,
        text: Float[Tensor, "batch token feature"],
        scales: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch channel row column"]:
        """The prediction; `key` says which of a step's calls this is."""
        n_items = max(1, min(MOST_CELLS, self.room) // (latents.shape[-2] * latents.shape[-1]))
        parts = [
            self._some((key, number), some.to(self.unet.dtype), timestep, its_text, its_scales)
            for number, (some, its_text, its_scales) in enumerate(
                zip(latents.split(n_items), text.split(n_items), scales.split(n_items), strict=True)
            )
        ]
        return torch.cat(parts)

    def _some(
        self, key: Hashable, some: Tensor, timestep: Tensor, text: Tensor, scales: Tensor
    ) -> Float[Tensor, "batch channel row column"]:
        embedding = self._guidance_embedding(scales) if self.embeds_guidance else None
        if self.cache is not None:
            return self.cache(key, some, timestep, text, embedding).float()
        return self.unet(some, timestep, text, timestep_cond=embedding).sample.float()

    def _guidance_embedding(
        self, scales: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch embedding"]:
        size = int(self.unet.config["time_cond_proj_dim"])
        return get_timestep_embedding((scales - 1) * 1000, size).to(self.unet.dtype)


def predict(
    network: Network,
    scaled: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    windows: list[Window],
    guidance: float | None,
    *,
    items: Sequence[int] | None = None,
) -> Float[Tensor, "item channel row column"]:
    """The prediction for the whole image, averaged over the windows; guidance None is none.

    `items`: those of the batch that it is wanted for, all if None.
    """
    if items is not None:
        scaled, windows = scaled[items], [window.of(items) for window in windows]
    total = torch.zeros_like(scaled)
    weight_sum = torch.zeros(scaled.shape[-1], device=scaled.device)
    for number, (_, same_width) in enumerate(groupby(windows, lambda window: window.width)):
        group = list(same_width)
        columns = [window.columns(scaled.shape[-1]).to(scaled.device) for window in group]
        parts = torch.cat([scaled[..., where] for where in columns])
        weight = _window_weight(group[0].width, scaled.device)
        key = (number, None if items is None else tuple(items))
        predictions = _guided(network, key, parts, timestep, group, guidance) * weight
        for where, part in zip(columns, predictions.chunk(len(group)), strict=True):
            total.index_add_(-1, where, part)
            weight_sum.index_add_(0, where, weight)
    return total / weight_sum


def _window_weight(width: int, device: torch.device) -> Float[Tensor, " column"]:
    """Rises linearly to the window's middle, and is nowhere 0."""
    from_edge = torch.arange(width, device=device) + 0.5
    return torch.minimum(from_edge, width - from_edge) / width


def _guided(
    network: Network,
    key: Hashable,
    latents: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    group: list[Window],
    guidance: float | None,
) -> Float[Tensor, "batch channel row column"]:
    """Classifier-free guidance (arXiv:2207.12598), both halves as one batch."""
    scales = [_scale(window, guidance) for window in group for _ in window.text]
    scale = torch.tensor(scales, device=latents.device)
    texts = with_equal_tokens(
        [*(window.negative_text for window in group), *(window.text for window in group)]
    )
    text = torch.cat(texts[len(group) :])
    if network.embeds_guidance or all(one == 1 for one in scales):
        return network((key, "alone"), latents, timestep, text, scale)
    both = torch.cat((latents, latents))
    predictions = network((key, "both"), both, timestep, torch.cat(texts), scale.repeat(2))
    without, with_text = predictions.chunk(2)
    return without + scale[:, None, None, None] * (with_text - without)


def _scale(window: Window, guidance: float | None) -> float:
    if guidance is None:
        return 1.0
    return guidance if window.guidance is None else window.guidance
