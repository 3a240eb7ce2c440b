"""Processes that fill a ring beside the training, or the trainer itself by turns."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch

from riffkit.spectrogram.params import SpectrogramParams
from train.sounds.soundfonts import find_soundfonts
from train.stream import DEFAULT_AHEAD
from train.stream.recipe import DrawnClip, draw_clip
from train.stream.ring import CLIPS_PER_SHARD, Ring

CROPS_PER_CLIP = 8
_POLL_S = 0.5
_NICER = 5


@dataclass(frozen=True)
class Pace:
    """How far the renders run ahead: `ahead` clips, and one more for every eight crops drawn."""

    ahead: int = DEFAULT_AHEAD

    def wanted(self, n_drawn: int) -> int:
        """Clips that should have been rendered when so many crops are drawn."""
        return self.ahead + n_drawn // CROPS_PER_CLIP


def render_shard(ring: Ring, fonts: list[Path]) -> int:
    """Render the next shard that no one is at; its number."""
    with ring.claim() as shard:
        first = shard * CLIPS_PER_SHARD
        clips = [_drawn(n, ring.params, fonts) for n in range(first, first + CLIPS_PER_SHARD)]
        ring.write(shard, [clip for clip in clips if clip is not None])
    return shard


def _drawn(number: int, params: SpectrogramParams, fonts: list[Path]) -> DrawnClip | None:
    """One clip that can't be drawn must not end a run of days: it is told, and left out."""
    try:
        return draw_clip(number, params, fonts)
    except Exception as error:
        print(f"clip {number}: {error!r}", file=sys.stderr, flush=True)
        return None


def keep_up(ring: Ring, fonts: list[Path], pace: Pace, n_drawn: int) -> None:
    """Render until the pace is met: training and rendering by turns in one process."""
    while ring.n_rendered() < pace.wanted(n_drawn):
        render_shard(ring, fonts)


def fill(ring: Ring, pace: Pace, *, parent: int | None = None) -> None:
    """Render for ever, pausing where the readers don't come after; until `parent` is gone."""
    torch.set_num_threads(1)
    fonts = find_soundfonts()
    while parent is None or os.getppid() == parent:
        if ring.n_rendered() < pace.wanted(ring.n_drawn()):
            render_shard(ring, fonts)
        else:
            time.sleep(_POLL_S)


def _work(folder: Path, params: SpectrogramParams, max_bytes: int, pace: Pace, parent: int) -> None:
    os.nice(_NICER)
    fill(Ring(folder, params, max_bytes=max_bytes), pace, parent=parent)


@contextmanager
def workers(ring: Ring, n_workers: int, pace: Pace) -> Iterator[None]:
    """`n_workers` processes fill the ring while the block runs, a little nicer than this one."""
    context = get_context("spawn")
    arguments = (ring.folder, ring.params, ring.max_bytes, pace, os.getpid())
    processes = [
        context.Process(target=_work, args=arguments, daemon=True) for _ in range(n_workers)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
