"""Diffusion training on pairs: the music is denoised, seeing its guide and a caption.

The network predicts v (arXiv:2202.00512) on a cosine schedule that ends in pure noise, its loss
weighted by min-SNR-γ (arXiv:2303.09556), circular in time, with the bar cue in the last channel.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import CLIPTokenizer

from riffkit.training.objective import Objective
from riffkit.training.optimizers import split_hidden
from train.denoiser.batches import Batches, PairBatch, Pairs
from train.denoiser.facts import facts_loss
from train.denoiser.latents import Pair
from train.denoiser.network import GuidedDenoiser
from train.snapshot import keep_snapshot

FACTS_WEIGHT = 0.01  # of the facts' summed loss, beside the denoiser's mean
_EVALUATED = 24  # pairs at a time
_ENDS = ("conv_in", "conv_out", "fact_head", "position_embedding")
_OTHERS_RATE = 0.27  # AdamW's learning rate beside Muon's

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
}


class DenoiserTask:
    """Denoising of pairs as they arrive. `held_out` are pairs by kind.

    Snapshots go to `snapshots`, the last three stay. `said` is stored with them; its "facts" are
    those that the network tells.
    """

    def __init__(
        self,
        network: GuidedDenoiser,
        pairs: Pairs,
        held_out: dict[str, list[Pair]],
        *,
        tokenizer: CLIPTokenizer,
        snapshots: Path,
        said: dict[str, Any],
    ) -> None:
        self.network: nn.Module = network
        self.n_items = 1  # the reader knows what there is
        self._pairs, self._snapshots, self._said = pairs, snapshots, said
        self._objective = Objective(SCHEDULE)
        self._batches = Batches(tokenizer, said["facts"])
        self._held_out = {
            kind: list(self._batches.of_all(pairs, _EVALUATED)) for kind, pairs in held_out.items()
        }

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        hidden, others = split_hidden(self.network, _ENDS)
        return [
            {"params": hidden, "lr": learning_rate, "use_muon": True},
            {"params": others, "lr": _OTHERS_RATE * learning_rate, "use_muon": False},
        ]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> PairBatch:
        return self._batches.of(self._pairs.draw(len(items), generator), generator).dropping(
            self._batches.tokens(""), generator
        )

    def loss(self, batch: PairBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        denoising, facts = self._losses(self.network, batch)
        figures = {"denoising": float(denoising.detach()), "facts": float(facts.detach())}
        return denoising + FACTS_WEIGHT * facts, figures

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """The loss on held-out pairs, by kind, with the guide, without it, and without a caption.

        Noise and noise levels are the same each time. `pairs` is how many have been rendered: far
        below an eighth of the pictures, they come too often.
        """
        empty, figures = self._batches.tokens(""), dict[str, float]()
        for kind, batches in self._held_out.items():
            for name in ("guided", "unguided", "uncaptioned"):
                total = torch.zeros(2)
                for batch in batches:
                    seen = batch
                    if name == "unguided":
                        seen = replace(batch, guide=torch.zeros_like(batch.guide))
                    if name == "uncaptioned":
                        seen = replace(batch, tokens=empty.expand_as(batch.tokens))
                    loss, _ = self._losses(network, seen)
                    total += torch.tensor([float(loss) * len(batch), len(batch)])
                figures[f"{kind}_{name}"] = float(total[0] / total[1])
        return {**figures, "pairs": float(self._pairs.n_rendered)}

    def show(self, network: nn.Module, images_seen: int) -> None:
        """Write a snapshot of the averaged weights."""
        keep_snapshot(self._snapshots, "denoiser", network, images_seen, self._said)

    def _losses(
        self, network: nn.Module, batch: PairBatch
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The denoiser's weighted loss, and the facts'."""
        device = next(network.parameters()).device
        noisy, target = self._objective.noised(batch.clean, batch.noise, batch.timesteps)
        seen = (noisy, batch.guide, batch.timesteps, batch.tokens)
        output, logits = network(*(part.to(device) for part in seen))
        errors = self._objective.errors(output, target, batch.timesteps)
        return errors.mean(), facts_loss(logits, batch.facts, counted=batch.captioned)
