"""The cache of clips as images, whole in time and in 8-bit levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from riffkit.spectrogram.params import SpectrogramParams
from train.stream import DEFAULT_MEGABYTES
from train.stream.recipe import DrawnClip, draw_clip
from train.stream.shards import Shards

RECIPE_VERSION = 2


class Ring(Shards):
    """The cache in `folder`, for images of `params`; it takes up to `max_bytes`."""

    def __init__(
        self, folder: Path, params: SpectrogramParams, *, max_bytes: int = DEFAULT_MEGABYTES << 20
    ) -> None:
        contents = {"recipe": RECIPE_VERSION, "params": params.to_dict()}
        super().__init__(folder, contents, max_bytes=max_bytes)
        self.params = params

    def drawer(self, fonts: Sequence[Path]) -> Callable[[int], DrawnClip]:
        return partial(draw_clip, params=self.params, fonts=fonts)

    def write(self, shard: int, items: Sequence[DrawnClip]) -> None:
        tensors = {str(n): torch.from_numpy(clip.pixels) for n, clip in enumerate(items)}
        self._store(shard, tensors, [clip.facts for clip in items])

    def columns(
        self, shard: int, row: int, start: int, n_columns: int
    ) -> UInt8[np.ndarray, "plane row column"]:
        """Columns of a clip from `start` (modulo its width) on, round the loop's end.

        Raises FileNotFoundError where the shard is gone.
        """
        with self._opened(shard) as file:
            image = file.get_slice(str(row))
            width = int(image.get_shape()[-1])
            first = start % width
            parts = [image[:, :, first : min(width, first + n_columns)]]
            while (missing := n_columns - sum(part.shape[-1] for part in parts)) > 0:
                parts.append(image[:, :, : min(width, missing)])
        return np.concatenate(parts, axis=-1)
