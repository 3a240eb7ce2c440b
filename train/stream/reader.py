"""Random crops of a ring's clips, each wrapped in time as a loop of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from riffkit.training.rows import Rows
from train.mini.crops import CROP_COLUMNS
from train.stream.ring import Ring

_POLL_S = 0.5


@dataclass(frozen=True)
class CropBatch(Rows):
    """UInt8 crops, and for each the seed of what else is random about it."""

    pixels: UInt8[Tensor, "batch plane row column"]
    seeds: Int[Tensor, " batch"]


class CropReader:
    """Draws crops evenly from the clips that are there.

    What is drawn follows from the generator and from which shards there are. `keep_up`, if given,
    is called with the number of crops drawn so far, before more are.
    """

    def __init__(
        self, ring: Ring, name: str, *, keep_up: Callable[[int], None] | None = None
    ) -> None:
        self._ring, self._name, self._keep_up = ring, name, keep_up
        self._n_drawn = ring.reported(name)

    def draw(self, n_crops: int, generator: torch.Generator) -> CropBatch:
        """A batch; waits where nothing has been rendered yet."""
        if self._keep_up is not None:
            self._keep_up(self._n_drawn)
        crops = [self._crop(generator) for _ in range(n_crops)]
        seeds = torch.randint(2**62, (n_crops,), generator=generator)
        self._n_drawn += n_crops
        self._ring.report_drawn(self._name, self._n_drawn)
        return CropBatch(torch.from_numpy(np.stack(crops)), seeds)

    def _crop(self, generator: torch.Generator) -> UInt8[np.ndarray, "plane row column"]:
        while True:
            shards = self._shards()
            drawn = torch.randint(2**31, (3,), generator=generator).tolist()
            shard = shards[drawn[0] % len(shards)]
            n_clips = self._ring.n_clips(shard)
            if not n_clips:  # gone, or none of its clips could be drawn
                continue
            try:
                return self._ring.columns(shard, drawn[1] % n_clips, drawn[2], CROP_COLUMNS)
            except FileNotFoundError:
                continue

    def _shards(self) -> list[int]:
        while not (shards := self._ring.shards()):
            time.sleep(_POLL_S)
        return shards


def whole_clips(ring: Ring, n_clips: int) -> list[UInt8[np.ndarray, "plane row column"]]:
    """Whole images of the newest shards, at most `n_clips`; those of another width as they are."""
    images: list[np.ndarray] = []
    for shard in reversed(ring.shards()):
        for row, facts in enumerate(ring.facts(shard)):
            if len(images) == n_clips:
                return images
            images.append(ring.columns(shard, row, 0, 64 * int(facts["n_beats"])))
    return images
