"""Batches of cached loops: clean latents with the bar cue, and one caption of each loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.training.rows import Rows
from train.distill import Music
from train.mini.latents import CachedClips

COLUMNS_PER_BEAT = 4
_N_HELD_OUT = 256


@dataclass(frozen=True)
class Batch(Rows):
    """Clean latents (bar cue included), their captions' tokens, and the facts of each."""

    latents: Float[Tensor, "batch channel row column"]
    tokens: Int[Tensor, "batch token"]
    facts: Bool[Tensor, "batch fact"]


class LoopBatches:
    """Loops of all widths, of which the last of each width are held out."""

    def __init__(self, clips: dict[int, CachedClips]) -> None:
        self._clips, self._held_out = {}, {}
        for width, cached in sorted(clips.items()):
            n_clips = len(cached.latents)
            n_kept = n_clips - min(_N_HELD_OUT, max(1, n_clips // 20))
            self._clips[width] = _part(cached, slice(None, n_kept))
            self._held_out[width] = _part(cached, slice(n_kept, None))
        sizes = {width: len(cached.latents) for width, cached in self._clips.items()}
        self._widths = torch.tensor([width for width, n in sizes.items() for _ in range(n)])
        self._rows = torch.cat([torch.arange(n) for n in sizes.values()])
        self.n_items = len(self._rows)

    def draw(self, items: Int[Tensor, " item"], generator: torch.Generator) -> Batch:
        """Those of the items that are as wide as the first, each with a caption drawn."""
        widths = self._widths[items]
        width = int(widths[0])
        return _batch(self._clips[width], self._rows[items[widths == width]], generator)

    def held_out(self, size: int) -> Iterator[Batch]:
        """All loops that training never sees, always with the same captions."""
        for clips in self._held_out.values():
            generator = torch.Generator().manual_seed(0)
            for rows in torch.arange(len(clips.latents)).split(size):
                yield _batch(clips, rows, generator)


class Loops:
    """The same for distillation: without facts, and without guides."""

    def __init__(self, clips: dict[int, CachedClips]) -> None:
        self._batches = LoopBatches(clips)
        self.n_items = self._batches.n_items

    def draw(self, items: Int[Tensor, " item"], generator: torch.Generator) -> Music:
        return _music(self._batches.draw(items, generator))

    def held_out(self, size: int) -> Iterator[Music]:
        return map(_music, self._batches.held_out(size))


def _music(batch: Batch) -> Music:
    return Music(batch.latents, batch.tokens, batch.latents[:, :0])


def _batch(clips: CachedClips, rows: Int[Tensor, " row"], generator: torch.Generator) -> Batch:
    latents = clips.latents[rows].float()
    cues = [
        bar_cue(*latents.shape[-2:], columns_per_bar=COLUMNS_PER_BEAT * int(beats))
        for beats in clips.beats_per_bar[rows]
    ]
    caption = torch.randint(clips.tokens.shape[1], (len(rows),), generator=generator)
    return Batch(
        latents=torch.cat((latents, torch.stack(cues)[:, None]), dim=1),
        tokens=clips.tokens[rows, caption].long(),
        facts=clips.facts[rows],
    )


def _part(clips: CachedClips, rows: slice) -> CachedClips:
    return CachedClips(
        clips.latents[rows], clips.tokens[rows], clips.beats_per_bar[rows], clips.facts[rows]
    )
