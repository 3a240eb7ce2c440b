"""One training run of the autoencoder: a ring, what fills it, the loop, and where it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from train.sounds.soundfonts import find_soundfonts
from train.stream.held_out import COUNTS, held_out_clips
from train.stream.reader import CropReader
from train.stream.ring import Ring
from train.stream.workers import Pace, keep_up, workers
from train.vae.export import write_config
from train.vae.network import VaeConfig
from train.vae.snapshot import load_snapshot
from train.vae.task import VaeTask

_WARMUP_STEPS = 500
_SNAPSHOT_IMAGES = 10_000
_CHECKPOINT_SECONDS = 480.0


class VaeRun:
    """The run in `folder`; with no `workers` the trainer renders by turns."""

    def __init__(
        self,
        folder: Path,
        ring: Ring,
        *,
        workers: int = 1,
        ahead: int,
        held_out: dict[str, int] | None = None,
    ) -> None:
        self._folder, self._ring = folder, ring
        self._n_workers, self._pace = workers, Pace(ahead)
        self._held_out = COUNTS if held_out is None else held_out

    def fit(
        self, *, network: VaeConfig, start: Path | None = None, batch_size: int = 4, **loop: Any
    ) -> Iterator[dict[str, float]]:
        """Train, and yield the loop's lines; `loop` are more fields of its configuration.

        A new run begins with the weights of the snapshot `start`, if given.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        write_config(self._folder, network)
        fonts = find_soundfonts()
        filling = (
            workers(self._ring, self._n_workers, self._pace) if self._n_workers else nullcontext()
        )
        with filling:
            task = self._task(network, fonts)
            first_image = self._begin(task, start)
            config = LoopConfig(
                batch_size=batch_size,
                warmup_images=_WARMUP_STEPS * batch_size,
                schedule="constant",
                first_image=first_image,
                **{
                    "checkpoint_seconds": _CHECKPOINT_SECONDS,
                    "sample_images": _SNAPSHOT_IMAGES,
                    **loop,
                },
            )
            yield from fit(task, config, self._folder)

    def _task(self, network: VaeConfig, fonts: list[Path]) -> VaeTask:
        by_turns = partial(keep_up, self._ring, fonts, self._pace)
        reader = CropReader(
            self._ring, self._folder.name, keep_up=None if self._n_workers else by_turns
        )
        held_out = held_out_clips(self._ring, fonts, self._held_out)
        return VaeTask(network, reader, held_out, snapshots=self._folder / "snapshots")

    def _begin(self, task: VaeTask, start: Path | None) -> int:
        """Load the snapshot into a new run's network; how many images it has seen."""
        if start is None:
            return 0
        snapshot = load_snapshot(start)
        snapshot.load_into(task.network)
        return snapshot.images_seen
