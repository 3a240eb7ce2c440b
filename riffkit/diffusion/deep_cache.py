"""Deep features computed on every N-th step and reused in between (DeepCache, arXiv:2312.00858).

From one step to the next the UNet's deep blocks change little, and they are most of its cost. On
the steps between, only the first convolution, the first layer down and the last two layers up are
computed; the latter begin from what the deep blocks gave last.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

_Feature = Float[Tensor, "batch hidden row column"]


@dataclass(eq=False)
class DeepCache:
    """A UNet whose deep blocks are computed on every `every`-th pass of the denoising.

    A step may call it several times, for windows, halves and parts of a batch: `key` says which
    of them a call is, the same at each step. A key without cached features is computed in full.
    """

    unet: UNet2DConditionModel
    every: int
    _deep: dict[Hashable, _Feature] = field(default_factory=dict)
    _old: dict[Hashable, _Feature] = field(default_factory=dict)
    _changes: list[Tensor] = field(default_factory=list)
    _n_calls: int = 0
    _n_reused: int = 0

    def begin_pass(self, index: int) -> None:
        """Call before each pass, the first of which is 0."""
        if index % self.every == 0:
            self._old, self._deep = self._deep, {}

    def __call__(
        self,
        key: Hashable,
        sample: Float[Tensor, "batch channel row column"],
        timestep: Tensor,
        text: Float[Tensor, "batch token feature"],
        guidance_embedding: Float[Tensor, "batch embedding"] | None = None,
    ) -> Float[Tensor, "batch predicted row column"]:
        """The network's prediction, with cached deep features if there are any."""
        self._n_calls += 1
        if key in self._deep:
            self._n_reused += 1
            return shallow_pass(
                self.unet, sample, timestep, text, guidance_embedding, deep=self._deep[key]
            )
        prediction, deep = full_pass(self.unet, sample, timestep, text, guidance_embedding)
        if key in self._old:
            old = self._old[key]
            self._changes.append((deep - old).float().norm() / deep.float().norm().clamp(min=1e-12))
        self._deep[key] = deep
        return prediction

    @property
    def change(self) -> float | None:
        """Mean change of the deep features between computed passes, relative to their norm.

        None if nothing was recomputed. Reused features are younger than that, so their error is
        smaller.
        """
        return float(torch.stack(self._changes).mean()) if self._changes else None

    @property
    def remark(self) -> str:
        """A note on how much was reused and how much that may have cost."""
        counts = f"deep_cache {self.every}: {self._n_reused} of {self._n_calls} deep passes reused"
        if self.change is None:
            return f"{counts}; too few steps to measure the change"
        return (
            f"{counts}; reused features had changed by {self.change:.1%} "
            "when next computed (lower N: closer to the full result)"
        )


def full_pass(
    unet: UNet2DConditionModel,
    sample: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    text: Float[Tensor, "batch token feature"],
    guidance_embedding: Float[Tensor, "batch embedding"] | None,
) -> tuple[Float[Tensor, "batch predicted row column"], _Feature]:
    """The UNet's prediction, and the deep features that enter the last two up layers."""
    entered: list[Tensor] = []
    skipped = unet.down_blocks[0].resnets[0].out_channels

    def keep(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        entered.append(inputs[0][:, :-skipped])  # behind it the first layer down's own output

    hook = unet.up_blocks[-1].resnets[-2].register_forward_pre_hook(keep)
    try:
        prediction = unet(sample, timestep, text, timestep_cond=guidance_embedding).sample
    finally:
        hook.remove()
    return prediction, entered[0].clone()


def shallow_pass(
    unet: UNet2DConditionModel,
    sample: Float[Tensor, "batch channel row column"],
    timestep: Tensor,
    text: Float[Tensor, "batch token feature"],
    guidance_embedding: Float[Tensor, "batch embedding"] | None,
    *,
    deep: _Feature,
) -> Float[Tensor, "batch predicted row column"]:
    """The prediction with the cached features `deep` instead of the deep blocks."""
    time = unet.time_embedding(
        unet.get_time_embed(sample=sample, timestep=timestep), guidance_embedding
    )
    added = unet.get_aug_embed(emb=time, encoder_hidden_states=text, added_cond_kwargs={})
    time = time if added is None else time + added
    first = unet.conv_in(sample)
    down, up = unet.down_blocks[0], unet.up_blocks[-1]
    second = _layer(down, 0, first, time, text)
    hidden = _layer(up, -2, torch.cat((deep, second), dim=1), time, text)
    hidden = _layer(up, -1, torch.cat((hidden, first), dim=1), time, text)
    return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))


def _layer(
    block: nn.Module, index: int, hidden: Tensor, time: Tensor, text: Tensor
) -> Float[Tensor, "batch hidden row column"]:
    """A block's residual network, and its attention if it has one."""
    hidden = block.resnets[index](hidden, time)  # type: ignore[index, operator]
    attentions = getattr(block, "attentions", None)
    if attentions is None:
        return hidden
    return attentions[index](hidden, encoder_hidden_states=text, return_dict=False)[0]
