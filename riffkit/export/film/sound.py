"""The sound of a video: read in blocks, as often as it is needed, and repeated without a seam."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.files import iter_blocks
from riffkit.audio.reader import describe
from riffkit.audio.resampling import resample_blocks

BLOCK_SAMPLES = 1 << 16
Blocks = Iterator[Float[Tensor, "channel _sample"]]


@dataclass(frozen=True, eq=False)
class Sound:
    """One pass of a sound: `open_blocks` gives it from its beginning, each time anew."""

    open_blocks: Callable[[], Blocks]
    sample_rate: int
    n_samples: int

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def played(self, loops: int, sample_rate: int) -> Blocks:
        """The sound `loops` times at another rate, resampled as one stream.

        In all they are round(loops · samples · rate / own rate) samples.
        """
        repeated = itertools.chain.from_iterable(self.open_blocks() for _ in range(loops))
        if sample_rate == self.sample_rate:
            return repeated
        n_samples = round(loops * self.n_samples * sample_rate / self.sample_rate)
        return resample_blocks(repeated, self.sample_rate, sample_rate, n_samples=n_samples)


def sound_of_waveform(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> Sound:
    waveform = waveform.detach().to("cpu", torch.float32)
    return Sound(
        lambda: iter(waveform.split(BLOCK_SAMPLES, dim=-1)), sample_rate, waveform.shape[-1]
    )


def sound_of_file(path: Path) -> Sound:
    """AudioFileError like `riffkit.audio.files.load`, except for silence."""
    info = describe(path)
    return Sound(lambda: iter_blocks(path, BLOCK_SAMPLES), info.sample_rate, info.n_samples)


def in_frames(
    blocks: Blocks, *, sample_rate: int, fps: int
) -> Iterator[Float[np.ndarray, "2 _sample"]]:
    """The sound of each picture as stereo, to the last one that has any: its end is shorter."""
    held = np.zeros((2, 0), np.float32)
    starts = (round(number * sample_rate / fps) for number in itertools.count())
    for start, end in itertools.pairwise(starts):
        while held.shape[-1] < end - start and (block := next(blocks, None)) is not None:
            held = np.concatenate((held, np.broadcast_to(block.numpy(), (2, block.shape[-1]))), -1)
        if not held.shape[-1]:
            return
        yield held[:, : end - start]
        held = held[:, end - start :]


class Overview:
    """The peaks of a sound in equal parts of it, taken as it passes."""

    def __init__(self, n_parts: int, n_samples: int) -> None:
        self.peaks: Float[np.ndarray, " part"] = np.zeros(n_parts, np.float32)
        self._n_samples = n_samples
        self._low, self._high = np.inf, -np.inf

    @property
    def swing(self) -> float:
        """The highest sample less the lowest: 0 for a constant, and 2 at full scale."""
        return self._high - self._low

    def counting(self, sound: Sound) -> Sound:
        """The same sound, whose peaks are taken when it is read to its end."""
        return replace(sound, open_blocks=lambda: self._counted(sound.open_blocks()))

    def _counted(self, blocks: Blocks) -> Blocks:
        start, n_parts = 0, len(self.peaks)
        for block in blocks:
            size = block.abs().amax(0).numpy()
            part = (np.arange(start, start + len(size)) * n_parts // self._n_samples).clip(
                max=n_parts - 1
            )
            first = np.flatnonzero(np.diff(part, prepend=-1))
            where = part[first]
            self.peaks[where] = np.maximum(self.peaks[where], np.maximum.reduceat(size, first))
            self._low = min(self._low, float(block.min()))
            self._high = max(self._high, float(block.max()))
            start += len(size)
            yield block
