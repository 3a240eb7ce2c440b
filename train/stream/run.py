"""A training beside its renders: processes fill a ring while the loop reads from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from riffkit.training.config import LoopConfig
from riffkit.training.loop import Task, fit
from train.sounds.render_score import forget_soundfonts
from train.sounds.soundfonts import find_soundfonts
from train.stream.shards import Shards
from train.stream.workers import Pace, keep_up, workers

_WARMUP_STEPS = 500
_CHECKPOINT_SECONDS = 480.0

KeepUp = Callable[[int], None] | None
Begin = Callable[[Callable[[int], Any], KeepUp], tuple[Task, int]]
"""Makes a run's task, and says how many pictures its weights have seen.

It is given what draws a clip by its number, and the `keep_up` of the task's reader.
"""


def fit_beside_renders(
    begin: Begin,
    folder: Path,
    ring: Shards,
    *,
    n_workers: int,
    pace: Pace,
    batch_size: int,
    fonts: Sequence[Path] | None = None,
    **loop: Any,
) -> Iterator[dict[str, float]]:
    """Train in `folder`, and yield the loop's lines; with no workers, rendering by turns.

    `loop` are more fields of the loop's configuration.
    """
    filling = workers(ring, n_workers, pace) if n_workers else nullcontext()
    with filling:
        draw = ring.drawer(find_soundfonts() if fonts is None else fonts)
        by_turns = None if n_workers else partial(keep_up, ring, draw, pace)
        task, first_image = begin(draw, by_turns)
        if n_workers:  # what is held out has been rendered
            forget_soundfonts()
        config = LoopConfig(
            batch_size=batch_size,
            first_image=first_image,
            **{
                "warmup_images": _WARMUP_STEPS * batch_size,
                "schedule": "constant",
                "checkpoint_seconds": _CHECKPOINT_SECONDS,
                **loop,
            },
        )
        yield from fit(task, config, folder)
