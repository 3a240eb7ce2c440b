"""Random two-beat crops of rendered loops, each wrapped in time as a loop of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from train.mini.loops import read_loops

CROP_COLUMNS = 128
_N_HELD_OUT = 24


class Crops:
    """The loops of a folder that `riff train render` wrote; the last 24 are held out."""

    def __init__(self, data: Path) -> None:
        loops = read_loops(data)
        self._rows, self._held_out = loops[:-_N_HELD_OUT], loops[-_N_HELD_OUT:]

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
            pixels = self._rows[int(item)].pixels()
            start = int(torch.randint(pixels.shape[-1], (), generator=generator))
            columns = np.arange(start, start + CROP_COLUMNS)
            crops.append(pixels.take(columns, axis=-1, mode="wrap"))
        return pixels_to_signal(np.stack(crops), device)

    def sample(self, n_images: int) -> list[Float[Tensor, "1 3 row column"]]:
        """Evenly spaced whole training images."""
        rows = self._rows[:: max(1, len(self._rows) // n_images)][:n_images]
        return [pixels_to_signal(loop.pixels()[None]) for loop in rows]

    def held_out(self) -> list[Float[Tensor, "1 3 row column"]]:
        """Whole images that `draw` never shows."""
        return [pixels_to_signal(loop.pixels()[None]) for loop in self._held_out]


def pixels_to_signal(
    pixels: UInt8[np.ndarray, "batch plane row column"],
    device: torch.device = torch.device("cpu"),  # noqa: B008 (a constant)
) -> Float[Tensor, "batch plane row column"]:
    """UInt8 levels to -1 … 1; white (silence) is 1."""
    return torch.tensor(pixels, device=device).float() / 127.5 - 1
