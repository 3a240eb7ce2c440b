"""Processes that fill a ring beside the training, or the trainer itself by turns."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import torch

from train.sounds.soundfonts import find_soundfonts
from train.stream import DEFAULT_AHEAD, DEFAULT_VIEWS
from train.stream.shards import CLIPS_PER_SHARD, Shards

_POLL_S = 0.5
_NICER = 0


@dataclass(frozen=True)
class Pace:
    """How far the renders run ahead: `ahead` clips, and one more for every `views` drawn."""

    ahead: int = DEFAULT_AHEAD
    views: int = DEFAULT_VIEWS

    def wanted(self, n_drawn: int) -> int:
        """Clips that should have been rendered when so many pictures are drawn."""
        return self.ahead + n_drawn // self.views


def render_shard(ring: Shards, draw: Callable[[int], Any]) -> int:
    """Render the next shard that no one is at; its number."""
    with ring.claim() as shard:
        first = shard * CLIPS_PER_SHARD
        items = [_drawn(n, draw) for n in range(first, first + CLIPS_PER_SHARD)]
        ring.write(shard, [item for item in items if item is not None])
    return shard


def _drawn(number: int, draw: Callable[[int], Any]) -> Any | None:
    """One clip that can't be drawn must not end a run of days: it is told, and left out."""
    try:
        return draw(number)
    except Exception as error:
        print(f"clip {number}: {error!r}", file=sys.stderr, flush=True)
        return None


def keep_up(ring: Shards, draw: Callable[[int], Any], pace: Pace, n_drawn: int) -> None:
    """Render until the pace is met: training and rendering by turns in one process."""
    while ring.n_rendered() < pace.wanted(n_drawn):
        render_shard(ring, draw)


def fill(ring: Shards, pace: Pace, *, parent: int | None = None) -> None:
    """Render for ever, pausing where the readers don't come after; until `parent` is gone."""
    torch.set_num_threads(1)
    draw = ring.drawer(find_soundfonts())
    while parent is None or os.getppid() == parent:
        if ring.n_rendered() < pace.wanted(ring.n_drawn()):
            render_shard(ring, draw)
        else:
            time.sleep(_POLL_S)


def _work(ring: Shards, pace: Pace, parent: int) -> None:
    os.nice(_NICER)
    fill(ring, pace, parent=parent)


@contextmanager
def workers(ring: Shards, n_workers: int, pace: Pace) -> Iterator[None]:
    """`n_workers` processes fill the ring while the block runs, a little nicer than this one."""
    context = get_context("spawn")
    arguments = (ring, pace, os.getpid())
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
