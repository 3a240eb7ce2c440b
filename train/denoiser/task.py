"""Diffusion training on pairs: the music is denoised, seeing its guide and a caption.

The network predicts v (arXiv:2202.00512) on a cosine schedule that ends in pure noise, its loss
weighted by min-SNR-γ (arXiv:2303.09556), circular in time, with the bar cue in the last channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTokenizer

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.training.objective import Objective, stratified_timesteps
from riffkit.training.optimizers import split_hidden
from riffkit.training.rows import Rows
from train.denoiser.facts import fact_rows, facts_loss
from train.denoiser.latents import Pair
from train.denoiser.network import GuidedDenoiser
from train.snapshot import keep_snapshot

GUIDE_DROPOUT, CAPTION_DROPOUT = 0.2, 0.1
FACTS_WEIGHT = 0.01  # of the facts' summed loss, beside the denoiser's mean
COLUMNS_PER_BEAT = 4
_EVALUATED = 24  # pairs at a time
_ENDS = ("conv_in", "conv_out", "fact_head", "position_embedding")
_OTHERS_RATE = 0.27  # AdamW's learning rate beside Muon's

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
}


@runtime_checkable
class Pairs(Protocol):
    """What a task reads its pairs from."""

    @property
    def n_rendered(self) -> int:
        """How many there have been so far."""
        ...

    def draw(self, n_pairs: int, generator: torch.Generator) -> Sequence[Pair]:
        """Pairs of one width."""
        ...


@dataclass(frozen=True)
class PairBatch(Rows):
    """Clean latents (bar cue included), their guides and captions; what was dropped is blank."""

    clean: Float[Tensor, "batch channel row column"]
    guide: Float[Tensor, "batch channel row column"]
    tokens: Int[Tensor, "batch token"]
    facts: Bool[Tensor, "batch fact"]
    captioned: Bool[Tensor, " batch"]
    noise: Float[Tensor, "batch channel row column"]
    timesteps: Int[Tensor, " batch"]

    def dropping(self, empty: Int[Tensor, " token"], generator: torch.Generator) -> PairBatch:
        """With some guides and some captions left out."""
        guided, captioned = (
            torch.rand(len(self), generator=generator) >= share
            for share in (GUIDE_DROPOUT, CAPTION_DROPOUT)
        )
        return replace(
            self,
            guide=self.guide * guided[:, None, None, None],
            tokens=torch.where(captioned[:, None], self.tokens, empty),
            captioned=captioned,
        )


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
        self._tokens = lru_cache(maxsize=50_000)(
            lambda text: tokenizer(
                text, padding="max_length", truncation=True, return_tensors="pt"
            ).input_ids[0]
        )
        self._held_out = {kind: self._batches(pairs) for kind, pairs in held_out.items()}

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        hidden, others = split_hidden(self.network, _ENDS)
        return [
            {"params": hidden, "lr": learning_rate, "use_muon": True},
            {"params": others, "lr": _OTHERS_RATE * learning_rate, "use_muon": False},
        ]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> PairBatch:
        return self._batch(self._pairs.draw(len(items), generator), generator).dropping(
            self._tokens(""), generator
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
        empty, figures = self._tokens(""), dict[str, float]()
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

    def _batch(self, pairs: Sequence[Pair], generator: torch.Generator) -> PairBatch:
        """With a caption, noise and a noise level drawn for each."""
        music = torch.stack([pair.music for pair in pairs])
        cues = torch.stack([_cue(pair, *music.shape[-2:]) for pair in pairs])
        clean = torch.cat((music, cues[:, None]), dim=1)
        guide = functional.pad(torch.stack([pair.guide for pair in pairs]), (0, 0, 0, 0, 0, 1))
        chosen = torch.randint(2**31, (len(pairs),), generator=generator).tolist()
        captions = [pair.facts["captions"] for pair in pairs]
        texts = [some[n % len(some)] for some, n in zip(captions, chosen, strict=True)]
        return PairBatch(
            clean,
            guide,
            torch.stack([self._tokens(text) for text in texts]),
            fact_rows([pair.facts for pair in pairs], self._said["facts"]),
            torch.ones(len(pairs), dtype=torch.bool),
            torch.randn(clean.shape, generator=generator),
            stratified_timesteps(len(pairs), generator)[
                torch.randperm(len(pairs), generator=generator)
            ],
        )

    def _batches(self, pairs: list[Pair]) -> list[PairBatch]:
        """All pairs, those of one width together."""
        generator = torch.Generator().manual_seed(0)
        by_width: dict[int, list[Pair]] = {}
        for pair in pairs:
            by_width.setdefault(pair.music.shape[-1], []).append(pair)
        return [
            self._batch(some[first : first + _EVALUATED], generator)
            for some in by_width.values()
            for first in range(0, len(some), _EVALUATED)
        ]


def _cue(pair: Pair, n_rows: int, n_columns: int) -> Float[Tensor, "row column"]:
    columns_per_bar = COLUMNS_PER_BEAT * int(pair.facts["beats_per_bar"])
    return bar_cue(n_rows, n_columns, columns_per_bar=columns_per_bar)
