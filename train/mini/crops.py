"""Random two-beat crops of rendered loops, each wrapped in time as a loop of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from train.mini.shards import open_pixels, read_clips

CROP_COLUMNS = 128
_N_HELD_OUT = 24


class Crops:
    """The loops of a folder that `riff train render` wrote; the last 24 are held out."""

    def __init__(self, data: Path) -> None:
        rows: list[tuple[np.ndarray, int]] = []
        for shard, clips in read_clips(data).items():
            images = {width: open_pixels(data, shard, width) for width in {c.width for c in clips}}
            rows += [(images[clip.width], clip.row) for clip in clips]
        self._rows, self._held_out = rows[:-_N_HELD_OUT], rows[-_N_HELD_OUT:]

    def __len__(self) -> int:
        return len(self._rows)

    def draw(
        self,
        items: Int[Tensor, " batch"],
        generators: Sequence[torch.Generator],
        device: torch.device,
    ) -> Float[Tensor, "batch 3 row column"]:
        """A crop of each item, begun where its generator says; white (silence) is 1, black -1."""
        crops = []
        for item, generator in zip(items, generators, strict=True):
            images, row = self._rows[int(item)]
            width = images.shape[-1]
            start = int(torch.randint(width, (), generator=generator))
            first = images[row, :, :, start : start + CROP_COLUMNS]
            rest = images[row, :, :, : max(0, start + CROP_COLUMNS - width)]
            crops.append(np.concatenate((first, rest), axis=-1))
        return pixels_to_signal(np.stack(crops), device)

    def sample(self, n_images: int) -> list[Float[Tensor, "1 3 row column"]]:
        """Evenly spaced whole training images."""
        rows = self._rows[:: max(1, len(self._rows) // n_images)][:n_images]
        return [pixels_to_signal(images[row][None]) for images, row in rows]

    def held_out(self) -> list[Float[Tensor, "1 3 row column"]]:
        """Whole images that `draw` never shows."""
        return [pixels_to_signal(images[row][None]) for images, row in self._held_out]


def pixels_to_signal(
    pixels: UInt8[np.ndarray, "batch plane row column"],
    device: torch.device = torch.device("cpu"),  # noqa: B008 (a constant)
) -> Float[Tensor, "batch plane row column"]:
    """UInt8 levels to -1 … 1; white (silence) is 1."""
    return torch.tensor(pixels, device=device).float() / 127.5 - 1
