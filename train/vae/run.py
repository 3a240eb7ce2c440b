"""One training run of the autoencoder: a ring, what fills it, the loop, and where it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from train.snapshot import load_snapshot
from train.stream.held_out import COUNTS, held_out_clips
from train.stream.reader import CropReader
from train.stream.ring import Ring
from train.stream.run import KeepUp, fit_beside_renders
from train.stream.workers import Pace
from train.vae.export import write_config
from train.vae.network import VaeConfig
from train.vae.task import VaeTask

_SNAPSHOT_IMAGES = 10_000


class VaeRun:
    """The run in `folder`; with no `workers` the trainer renders by turns."""

    def __init__(
        self,
        folder: Path,
        ring: Ring,
        *,
        workers: int = 1,
        pace: Pace,
        held_out: dict[str, int] | None = None,
    ) -> None:
        self._folder, self._ring = folder, ring
        self._n_workers, self._pace = workers, pace
        self._held_out = COUNTS if held_out is None else held_out

    def fit(
        self, *, network: VaeConfig, start: Path | None = None, batch_size: int = 4, **loop: Any
    ) -> Iterator[dict[str, float]]:
        """Train, and yield the loop's lines; `loop` are more fields of its configuration.

        A new run begins with the weights of the snapshot `start`, if given.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        write_config(self._folder, network)

        def begin(draw: Callable[[int], Any], by_turns: KeepUp) -> tuple[VaeTask, int]:
            reader = CropReader(self._ring, self._folder.name, keep_up=by_turns)
            held_out = held_out_clips(self._ring, draw, self._held_out)
            task = VaeTask(network, reader, held_out, snapshots=self._folder / "snapshots")
            if start is None:
                return task, 0
            snapshot = load_snapshot(start)
            snapshot.load_into(task.network)
            return task, snapshot.images_seen

        yield from fit_beside_renders(
            begin,
            self._folder,
            self._ring,
            n_workers=self._n_workers,
            pace=self._pace,
            batch_size=batch_size,
            **{"sample_images": _SNAPSHOT_IMAGES, **loop},
        )
