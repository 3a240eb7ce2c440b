"""Sound that is already there, laid out on the loop that Griffin-Lim works on.

Columns that are known from the lowest row to the highest are sound, and stay as samples. Where only
some rows are known, the points of the transform stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32

from riffkit.spectrogram.stft import Analysis

Loop = Float32[np.ndarray, "channel sample"]


@dataclass(frozen=True, eq=False)
class KnownLoop:
    """`loop` is right in the frames of `runs`, and in the points where `is_known`."""

    loop: Loop
    runs: list[tuple[int, int]]
    is_known: Bool[np.ndarray, "frame bin"]

    def impose(self, loop: Loop, analysis: Analysis) -> Loop:
        """`loop` with the known runs in their places, faded in and out within half a window."""
        hop = analysis.hop_samples
        for first, last in self.runs:
            place = slice(first * hop, last * hop)
            n_samples = (last - first) * hop
            n_fade = min(analysis.window_samples // 2, n_samples // 4)
            rise = np.sin(0.5 * np.pi * (np.arange(n_fade, dtype=np.float32) + 0.5) / n_fade) ** 2
            weight = np.ones(n_samples, np.float32)
            weight[:n_fade] = rise
            weight[n_samples - n_fade :] = rise[::-1]
            loop[:, place] += weight * (self.loop[:, place] - loop[:, place])
        return loop


def known_loop(
    loop: Loop,
    cells: Bool[np.ndarray, "frame mel"],
    row_below: Int32[np.ndarray, " point"],
    analysis: Analysis,
) -> KnownLoop:
    """What of `loop` is known by its cells. `row_below`: the mel row below each half bin.

    A frame of a run counts as known where its whole window lies in the run.
    """
    whole = np.asarray(cells.all(axis=1))
    runs = _runs(whole)
    n_mels = cells.shape[1]
    below = row_below[::2]
    above = np.minimum(below + 1, n_mels - 1)
    is_known = cells[:, below] & cells[:, above] & ~whole[:, None]
    reach = -(-analysis.n_fft // 2 // analysis.hop_samples)
    for first, last in runs:
        is_known[first + reach : max(first + reach, last - reach)] = True
    return KnownLoop(loop, runs, is_known)


def _runs(whole: Bool[np.ndarray, " frame"]) -> list[tuple[int, int]]:
    """Where neighbouring frames are all True: from the first to behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], whole.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
