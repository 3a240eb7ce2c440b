"""Batches of pairs: latents with the bar cue, guides, and a caption drawn for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTokenizer

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.training.objective import stratified_timesteps
from riffkit.training.rows import Rows
from train.denoiser.facts import fact_rows
from train.denoiser.latents import Pair
from train.distill import Music

GUIDE_DROPOUT, CAPTION_DROPOUT = 0.2, 0.1
COLUMNS_PER_BEAT = 4


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


class Batches:
    """Makes batches of pairs; `facts` are the columns of what is told of them."""

    def __init__(self, tokenizer: CLIPTokenizer, facts: Sequence[str] = ()) -> None:
        self._facts = facts
        self.tokens = lru_cache(maxsize=50_000)(
            lambda text: tokenizer(
                text, padding="max_length", truncation=True, return_tensors="pt"
            ).input_ids[0]
        )

    def of(self, pairs: Sequence[Pair], generator: torch.Generator) -> PairBatch:
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
            torch.stack([self.tokens(text) for text in texts]),
            fact_rows([pair.facts for pair in pairs], self._facts),
            torch.ones(len(pairs), dtype=torch.bool),
            torch.randn(clean.shape, generator=generator),
            stratified_timesteps(len(pairs), generator)[
                torch.randperm(len(pairs), generator=generator)
            ],
        )

    def of_all(self, pairs: Sequence[Pair], size: int) -> Iterator[PairBatch]:
        """All pairs, always the same way: those of one width together, at most `size`."""
        generator = torch.Generator().manual_seed(0)
        by_width: dict[int, list[Pair]] = {}
        for pair in pairs:
            by_width.setdefault(pair.music.shape[-1], []).append(pair)
        for some in by_width.values():
            for first in range(0, len(some), size):
                yield self.of(some[first : first + size], generator)


def _cue(pair: Pair, n_rows: int, n_columns: int) -> Float[Tensor, "row column"]:
    columns_per_bar = COLUMNS_PER_BEAT * int(pair.facts["beats_per_bar"])
    return bar_cue(n_rows, n_columns, columns_per_bar=columns_per_bar)


class PairMusic:
    """Pairs to distill on: guided but for as many as in training, and all with a caption."""

    def __init__(self, pairs: Pairs, held_out: Sequence[Pair], tokenizer: CLIPTokenizer) -> None:
        self.n_items = 1  # the reader knows what there is
        self._pairs, self._kept, self._batches = pairs, held_out, Batches(tokenizer)

    def draw(self, items: Int[Tensor, " item"], generator: torch.Generator) -> Music:
        batch = self._batches.of(self._pairs.draw(len(items), generator), generator)
        guided = torch.rand(len(batch), generator=generator) >= GUIDE_DROPOUT
        return _music(replace(batch, guide=batch.guide * guided[:, None, None, None]))

    def held_out(self, size: int) -> Iterator[Music]:
        return map(_music, self._batches.of_all(self._kept, size))


def _music(batch: PairBatch) -> Music:
    return Music(batch.clean, batch.tokens, batch.guide)
