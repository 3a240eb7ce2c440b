"""Known sound, laid out on Griffin-Lim's loops.

Columns that are known from the lowest row to the highest are sound, and stay as samples. Where only
some rows are known, the points of the transforms stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor

from riffkit.audio.crossfade import equal_power_gains
from riffkit.vocoder.crossover import Crossover
from riffkit.vocoder.grid import WorkingBand

Cells = Bool[np.ndarray, "frame mel"]


@dataclass(frozen=True, eq=False)
class KnownLoops:
    """For each band: the sound, how much of it to keep, and which points of the transform."""

    loops: list[Float[Tensor, "batch channel _sample"]]
    weights: list[Float[Tensor, "batch 1 _sample"]]
    is_known: list[Bool[Tensor, "batch frame _bin"]]

    def impose(
        self, loops: list[Float[Tensor, "batch channel _sample"]]
    ) -> list[Float[Tensor, "batch channel _sample"]]:
        """`loops` with the known sound restored."""
        return [
            loop + weight * (known - loop)
            for loop, known, weight in zip(loops, self.loops, self.weights, strict=True)
        ]


def known_loops(
    sound: Float[Tensor, "batch channel sample"],
    cells: Bool[np.ndarray, "batch frame mel"],
    bands: tuple[WorkingBand, ...],
    row_below: list[Int32[np.ndarray, " _point"]],
    crossover: Crossover,
) -> KnownLoops:
    """What of `sound`, a loop at the last band's rate, is known by its cells.

    `row_below`: for each band, the mel row below each half bin. The sound fades in and out within
    half of the longest window.
    """
    return KnownLoops(
        loops=crossover.split(sound),
        weights=[
            _on(sound, [_weight(c, band, bands[0]) for c in cells])[:, None] for band in bands
        ],
        is_known=[
            _on(sound, [_known_points(c, below, band) for c in cells])
            for band, below in zip(bands, row_below, strict=True)
        ],
    )


def _on(sound: Tensor, items: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(items)).to(sound.device)


def _weight(
    cells: Cells, band: WorkingBand, longest: WorkingBand
) -> Float[np.ndarray, " loop_sample"]:
    hop = band.analysis.hop_samples
    half_window = round(longest.window.window_ms * band.analysis.sample_rate / 2000)
    weight = np.zeros(len(cells) * hop, np.float32)
    for first, last in _runs(np.asarray(cells.all(axis=1))):
        n_samples = (last - first) * hop
        n_fade = min(half_window, n_samples // 4)
        rise = equal_power_gains(n_fade)[0].square().numpy()
        run = weight[first * hop : last * hop]
        run[:] = 1
        run[:n_fade] = rise
        run[n_samples - n_fade :] = rise[::-1]
    return weight


def _known_points(
    cells: Cells, row_below: Int32[np.ndarray, " point"], band: WorkingBand
) -> Bool[np.ndarray, "frame bin"]:
    """A frame of a run counts as known where its whole window lies in the run."""
    whole = np.asarray(cells.all(axis=1))
    below = row_below[::2]
    above = np.minimum(below + 1, cells.shape[1] - 1)
    is_known: Bool[np.ndarray, "frame bin"] = cells[:, below] & cells[:, above] & ~whole[:, None]
    reach = -(-band.analysis.n_fft // 2 // band.analysis.hop_samples)
    for first, last in _runs(whole):
        is_known[first + reach : max(first + reach, last - reach)] = True
    return is_known


def _runs(whole: Bool[np.ndarray, " frame"]) -> list[tuple[int, int]]:
    """Where neighboring frames are all True: from the first to behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], whole.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
