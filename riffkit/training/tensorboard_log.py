"""TensorBoard log: a run's figures, and samples of fixed prompts as images and audio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch.utils.tensorboard import SummaryWriter

from riffkit.music.clip import Clip

FOLDER = "tensorboard"
_GAP = 8  # pixels between pictures


class Board:
    """The scalars of a run, over images seen; what a killed run had written later is dropped."""

    def __init__(self, run: Path) -> None:
        self._folder = run / FOLDER
        self._writer: SummaryWriter | None = None

    def line(self, figures: dict[str, float]) -> None:
        """Log a line of figures from the training loop."""
        images = int(figures["images"])
        for name, value in figures.items():
            if name != "images":
                self._at(images).add_scalar(name, value, images)
        self._at(images).flush()

    def samples(self, clips: Sequence[Clip], images: int) -> None:
        """Log the clips' images as one grid, and each clip's audio."""
        writer = self._at(images)
        writer.add_image(
            "samples", grid([c.image.pixels for c in clips]), images, dataformats="HWC"
        )
        for index, clip in enumerate(clips, 1):
            prompt = str(clip.recipe.arguments["prompt"])
            mono = clip.waveform.mean(0, keepdim=True).clamp(-1, 1)
            writer.add_audio(f"sample {index}: {prompt}", mono, images, clip.sample_rate)
        writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _at(self, images: int) -> SummaryWriter:
        if self._writer is None:
            self._writer = SummaryWriter(self._folder, purge_step=images)
        return self._writer


def grid(pictures: Sequence[UInt8[np.ndarray, "row frame 3"]]) -> UInt8[np.ndarray, "r f 3"]:
    """Pictures side by side, two in a row, on white."""
    n_rows, n_columns = (max(p.shape[axis] for p in pictures) + _GAP for axis in (0, 1))
    sheet = np.full((-(-len(pictures) // 2) * n_rows, 2 * n_columns, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = index // 2 * n_rows, index % 2 * n_columns
        sheet[row : row + picture.shape[0], column : column + picture.shape[1]] = picture
    return sheet
