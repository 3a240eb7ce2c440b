"""The network's prediction for one denoising step: windows, guidance, memory-sized batches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.diffusion.conditioning import with_equal_tokens
from riffkit.diffusion.deep_cache import DeepCache

MOST_CELLS = {"cpu": 32_768, "mps": 32_768, "cuda": 262_144}
"""How many latent cells the UNet sees at once: 32 768 are 32 images of 32 × 32, 8 of 64 × 64."""


@dataclass(frozen=True, eq=False)
class Window:
    """Columns `start` … `start + width` (wrapping past the end), and their text embeddings.

    `text` and `negative_text` hold one embedding per item of the batch, each of any number of
    tokens. `guidance`, if given, overrides that of the whole image.
    """

    start: int
    width: int
    text: Float[Tensor, "batch _ feature"]
    negative_text: Float[Tensor, "batch _ feature"]
    guidance: float | None = None

    def columns(self, n_columns: int) -> Int[Tensor, " column"]:
        """The window's column indices in an image of `n_columns`."""
        return torch.arange(self.start, self.start + self.width) % n_columns

    def of(self, items: Sequence[int]) -> Window:
        """The window for some items of the batch."""
        chosen = list(items)  # a tuple would be an index of several axes
        return replace(self, text=self.text[chosen], negative_text=self.negative_text[chosen])


@dataclass(frozen=True)
class Network:
    """The UNet, called with as many items as memory allows, optionally with cached deep features.

    `room` is the number of latent cells that fit in memory.
    """

    unet: UNet2DConditionModel
    cache: DeepCache | None
    room: int

    @property
    def embeds_guidance(self) -> bool:
        """Whether it was distilled with an embedded guidance scale (LCM, arXiv:2310.04378)."""
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
    ) -> Float[Tensor, "batch predicted row column"]:
        """The prediction; `key` identifies this call among those of a step."""
        most = min(MOST_CELLS[latents.device.type], self.room)
        n_items = max(1, most // (latents.shape[-2] * latents.shape[-1]))
        parts = [
            self._some((key, number), some.to(self.unet.dtype), timestep, its_text, its_scales)
            for number, (some, its_text, its_scales) in enumerate(
                zip(latents.split(n_items), text.split(n_items), scales.split(n_items), strict=True)
            )
        ]
        return torch.cat(parts)

    def _some(
        self, key: Hashable, some: Tensor, timestep: Tensor, text: Tensor, scales: Tensor
    ) -> Float[Tensor, "batch predicted row column"]:
        embedding = self._guidance_embedding(scales) if self.embeds_guidance else None
        if self.cache is not None:
            return self.cache(key, some, timestep, text, embedding).float()
        return self.unet(some, timestep, text, timestep_cond=embedding).sample.float()

    def _guidance_embedding(
        self, scales: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch embedding"]:
        size = int(self.unet.config["time_cond_proj_dim"])
        return get_timestep_embedding((scales - 1) * 1000, size).to(self.unet.dtype)


class Predictor:
    """The prediction for whole images, averaged over windows.

    `guide` are further input channels, the same at each step that sees them. What doesn't change
    between steps is made once and kept on the device: copying it again would make the GPU wait at
    each step.
    """

    def __init__(
        self,
        network: Network,
        windows: Sequence[Window],
        n_columns: int,
        device: torch.device,
        guide: Float[Tensor, "batch guide row column"] | None = None,
    ) -> None:
        self._network = network
        self._guide = guide
        self._windows = list(windows)
        self._n_columns = n_columns
        self._device = device
        self._groups: dict[Hashable, list[_Group]] = {}

    def __call__(
        self,
        scaled: Float[Tensor, "batch channel row column"],
        timestep: Tensor,
        guidance: float | None,
        *,
        items: Sequence[int] | None = None,
        blank: bool = False,
    ) -> Float[Tensor, "item channel row column"]:
        """The prediction averaged over the windows; `guidance` None means unguided.

        `items` are the batch indices to predict for; None means all. Where `blank`, the guide isn't
        seen: zeros stand in its channels.
        """
        guide = self._guide
        if guide is not None and blank:
            guide = torch.zeros_like(guide)
        if items is not None:
            scaled, guide = scaled[items], None if guide is None else guide[items]
        total = torch.zeros_like(scaled)
        seen = scaled if guide is None else torch.cat((scaled, guide), dim=1)
        weight_sum = torch.zeros(scaled.shape[-1], device=scaled.device)
        chosen = None if items is None else tuple(items)
        for number, group in enumerate(self._groups_for(chosen, guidance)):
            parts = torch.cat([seen[..., where] for where in group.columns])
            predictions = group.guided(self._network, (number, chosen), parts, timestep)
            predictions = predictions * group.weight
            for where, part in zip(
                group.columns, predictions.chunk(len(group.columns)), strict=True
            ):
                total.index_add_(-1, where, part)
                weight_sum.index_add_(0, where, group.weight)
        return total / weight_sum

    def _groups_for(self, items: tuple[int, ...] | None, guidance: float | None) -> list[_Group]:
        """The windows by their width, in their order."""
        key = items, guidance
        if key not in self._groups:
            windows = self._windows
            if items is not None:
                windows = [window.of(items) for window in windows]
            self._groups[key] = [
                _Group.of(list(same_width), guidance, self._n_columns, self._device)
                for _, same_width in groupby(windows, lambda window: window.width)
            ]
        return self._groups[key]


@dataclass(frozen=True, eq=False)
class _Group:
    """Windows of one width as one batch."""

    columns: list[Int[Tensor, " column"]]
    weight: Float[Tensor, " column"]
    is_guided: bool
    scale: Float[Tensor, " item"]
    negative_text: Float[Tensor, "item token feature"]
    text: Float[Tensor, "item token feature"]

    @classmethod
    def of(
        cls, windows: list[Window], guidance: float | None, n_columns: int, device: torch.device
    ) -> _Group:
        scales = [_scale(window, guidance) for window in windows for _ in window.text]
        texts = with_equal_tokens(
            [*(window.negative_text for window in windows), *(window.text for window in windows)]
        )
        return cls(
            columns=[window.columns(n_columns).to(device) for window in windows],
            weight=_window_weight(windows[0].width, device),
            is_guided=any(one != 1 for one in scales),
            scale=torch.tensor(scales, device=device),
            negative_text=torch.cat(texts[: len(windows)]).to(device),
            text=torch.cat(texts[len(windows) :]).to(device),
        )

    def guided(
        self,
        network: Network,
        key: Hashable,
        latents: Float[Tensor, "item channel row column"],
        timestep: Tensor,
    ) -> Float[Tensor, "item predicted row column"]:
        """Classifier-free guidance (arXiv:2207.12598), both halves as one batch."""
        if network.embeds_guidance or not self.is_guided:
            return network((key, "alone"), latents, timestep, self.text, self.scale)
        both = torch.cat((latents, latents))
        text = torch.cat((self.negative_text, self.text))
        predictions = network((key, "both"), both, timestep, text, self.scale.repeat(2))
        without, with_text = predictions.chunk(2)
        return without + self.scale[:, None, None, None] * (with_text - without)


def _window_weight(width: int, device: torch.device) -> Float[Tensor, " column"]:
    """Rises linearly to the window's middle, and is nowhere 0."""
    from_edge = torch.arange(width, device=device) + 0.5
    return torch.minimum(from_edge, width - from_edge) / width


def _scale(window: Window, guidance: float | None) -> float:
    if guidance is None:
        return 1.0
    return guidance if window.guidance is None else window.guidance
