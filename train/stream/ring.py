"""A bounded cache of clips on disk that any number of processes fill and read.

Shard k holds the clips from k · CLIPS_PER_SHARD on. A writer claims the lowest shard that is
missing by locking a file, which the system unlocks if the writer dies; a shard appears whole, by
renaming. When there are more bytes than allowed the oldest shards go. Readers may hold on to a
shard that is removed meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors import safe_open
from safetensors.torch import save_file

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams
from train.stream import DEFAULT_MEGABYTES
from train.stream.recipe import DrawnClip

CLIPS_PER_SHARD = 16
RECIPE_VERSION = 2


class Ring:
    """The cache in `folder`, for images of `params`; it takes up to `max_bytes`."""

    def __init__(
        self, folder: Path, params: SpectrogramParams, *, max_bytes: int = DEFAULT_MEGABYTES << 20
    ) -> None:
        self.folder, self.params, self.max_bytes = folder, params, max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        _check_same(folder / "stream.json", params)

    def shards(self) -> list[int]:
        """The numbers of the finished shards, lowest first."""
        names = (entry.name for entry in os.scandir(self.folder))
        return sorted(int(n[6:15]) for n in names if n.startswith("shard-"))

    def n_rendered(self) -> int:
        """How many clips have been rendered so far, those that are gone included."""
        shards = self.shards()
        return (shards[-1] + 1) * CLIPS_PER_SHARD if shards else 0

    @contextmanager
    def claim(self) -> Iterator[int]:
        """A shard that is missing and that no other writer is at; it is ours in the block."""
        present = set(self.shards())
        number = min(present, default=0)
        while (lock := self._lock(number, present)) is None:
            number += 1
        try:
            yield number
        finally:
            self._claim_path(number).unlink(missing_ok=True)
            os.close(lock)

    def write(self, shard: int, clips: Sequence[DrawnClip]) -> None:
        """Add a shard, then remove the oldest while there is too much."""
        tensors = {str(n): torch.from_numpy(clip.pixels) for n, clip in enumerate(clips)}
        facts = json.dumps([clip.facts for clip in clips], ensure_ascii=False)
        with atomic_path(self._path(shard)) as temporary:
            save_file(tensors, temporary, metadata={"facts": facts})
        self._evict()

    def n_clips(self, shard: int) -> int:
        """0 for a shard that is gone."""
        try:
            with safe_open(self._path(shard), framework="np") as file:
                return len(list(file.keys()))
        except FileNotFoundError:
            return 0

    def facts(self, shard: int) -> list[dict[str, Any]]:
        """What is true of each clip of a shard; raises FileNotFoundError where it is gone."""
        with safe_open(self._path(shard), framework="np") as file:
            return list(json.loads(file.metadata()["facts"]))

    def columns(
        self, shard: int, row: int, start: int, n_columns: int
    ) -> UInt8[np.ndarray, "plane row column"]:
        """Columns of a clip from `start` (modulo its width) on, round the loop's end.

        Raises FileNotFoundError where the shard is gone.
        """
        with safe_open(self._path(shard), framework="np") as file:
            image = file.get_slice(str(row))
            width = int(image.get_shape()[-1])
            first = start % width
            parts = [image[:, :, first : min(width, first + n_columns)]]
            while (missing := n_columns - sum(part.shape[-1] for part in parts)) > 0:
                parts.append(image[:, :, : min(width, missing)])
        return np.concatenate(parts, axis=-1)

    def report_drawn(self, reader: str, n_crops: int) -> None:
        """Tell the writers how many crops `reader` has drawn since it began."""
        with atomic_path(self.folder / f"drawn-{reader}.json") as temporary:
            temporary.write_text(json.dumps(n_crops))

    def reported(self, reader: str) -> int:
        """What `reader` last reported."""
        return _read_number(self.folder / f"drawn-{reader}.json")

    def n_drawn(self) -> int:
        """Crops drawn by all readers."""
        return sum(map(_read_number, self.folder.glob("drawn-*.json")))

    def _lock(self, number: int, present: set[int]) -> int | None:
        if number in present:
            return None
        handle = os.open(self._claim_path(number), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if self._path(number).exists():  # finished between our looking and our locking
            os.close(handle)
            return None
        return handle

    def _evict(self) -> None:
        shards = self.shards()
        sizes = {}
        for shard in shards:
            with suppress(FileNotFoundError):
                sizes[shard] = self._path(shard).stat().st_size
        total = sum(sizes.values())
        for shard in shards[:-1]:
            if total <= self.max_bytes:
                return
            self._path(shard).unlink(missing_ok=True)
            total -= sizes.get(shard, 0)

    def _path(self, shard: int) -> Path:
        return self.folder / f"shard-{shard:09d}.safetensors"

    def _claim_path(self, shard: int) -> Path:
        return self.folder / f"claim-{shard:09d}.lock"


def _read_number(path: Path) -> int:
    """0 where there is none."""
    try:
        return int(json.loads(path.read_text()))
    except (OSError, ValueError):
        return 0


def _check_same(path: Path, params: SpectrogramParams) -> None:
    """Write what the cache holds, or raise ParameterError where it holds something else."""
    wanted = {"recipe": RECIPE_VERSION, "params": params.to_dict()}
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    if found != wanted:
        preset = found.get("params", {}).get("preset")
        raise ParameterError(
            f"cache={str(path.parent)!r}: contains clips of preset {preset!r}, recipe "
            f"{found.get('recipe')}, not {params.preset!r}, recipe {RECIPE_VERSION}; "
            "choose another folder"
        )
