"""Random crops of a ring's clips, each wrapped in time as a loop of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from riffkit.training.rows import Rows
from train.stream.ring import Ring
from train.stream.shards import Shards

CROP_COLUMNS = 128
_POLL_S = 0.5
_TOLD_S = 60.0
MOST_INDEXED = 100_000
RingT = TypeVar("RingT", bound=Shards)
Item = TypeVar("Item")


@dataclass(frozen=True)
class CropBatch(Rows):
    """UInt8 crops, and for each the seed of what else is random about it."""

    pixels: UInt8[Tensor, "batch plane row column"]
    seeds: Int[Tensor, " batch"]


class Reader(Generic[RingT]):
    """Draws evenly from the clips that are there.

    What is drawn follows from the generator and from which shards there are. `keep_up`, if given,
    is called with the number of pictures drawn so far, before more are.
    """

    def __init__(
        self, ring: RingT, name: str, *, keep_up: Callable[[int], None] | None = None
    ) -> None:
        self.ring = ring
        self._name, self._keep_up = name, keep_up
        self._n_drawn = ring.reported(name)
        self._present: list[int] = []
        self._n_clips = lru_cache(maxsize=MOST_INDEXED)(ring.n_clips)

    @contextmanager
    def drawing(self, n_pictures: int) -> Iterator[None]:
        """A block in which so many are picked; waits where nothing has been rendered yet."""
        if self._keep_up is not None:
            self._keep_up(self._n_drawn)
        self._present = self._shards()
        yield
        self._n_drawn += n_pictures
        self.ring.report_drawn(self._name, self._n_drawn)

    def pick(
        self, generator: torch.Generator, read: Callable[[int, int, int], Item | None]
    ) -> Item:
        """What `read` makes of a shard, a row of it and a random number up to 2 ** 31.

        Picks again where it makes None of them, or the shard is gone.
        """
        while True:
            drawn = torch.randint(2**31, (3,), generator=generator).tolist()
            shard = self._present[drawn[0] % len(self._present)]
            n_clips = self._n_clips(shard)
            if not n_clips:  # gone, or none of its clips could be drawn
                self._present = self._shards()
                continue
            try:
                found = read(shard, drawn[1] % n_clips, drawn[2])
            except FileNotFoundError:
                self._present = self._shards()
                continue
            if found is not None:
                return found

    def _shards(self) -> list[int]:
        waited = 0.0
        while not (shards := self.ring.shards()):
            time.sleep(_POLL_S)
            waited += _POLL_S
            if waited % _TOLD_S == 0:
                folder = str(self.ring.folder)
                print(f"cache={folder!r}: still empty; waiting for renders", file=sys.stderr)
        return shards


class CropReader(Reader[Ring]):
    """Draws crops of a ring's images."""

    def draw(self, n_crops: int, generator: torch.Generator) -> CropBatch:
        """A batch; waits where nothing has been rendered yet."""
        with self.drawing(n_crops):
            crops = [self.pick(generator, self._crop) for _ in range(n_crops)]
            seeds = torch.randint(2**62, (n_crops,), generator=generator)
        return CropBatch(torch.from_numpy(np.stack(crops)), seeds)

    def _crop(self, shard: int, row: int, start: int) -> UInt8[np.ndarray, "plane row column"]:
        return self.ring.columns(shard, row, start, CROP_COLUMNS)


def whole_clips(ring: Ring, n_clips: int) -> list[UInt8[np.ndarray, "plane row column"]]:
    """Whole images of the newest shards, at most `n_clips`; those of another width as they are."""
    images: list[np.ndarray] = []
    for shard in reversed(ring.shards()):
        for row, facts in enumerate(ring.facts(shard)):
            if len(images) == n_clips:
                return images
            images.append(ring.columns(shard, row, 0, 64 * int(facts["n_beats"])))
    return images
