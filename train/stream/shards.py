"""A bounded cache on disk that any number of processes fill and read.

Shard k holds the items from k · CLIPS_PER_SHARD on. A writer claims the lowest shard that is
missing by locking a file, which the system unlocks if the writer dies; a shard appears whole, by
renaming. When there are more bytes than allowed the oldest shards go. Readers may hold on to a
shard that is removed meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from train.stream import DEFAULT_MEGABYTES

CLIPS_PER_SHARD = 16


class Shards(ABC):
    """The cache in `folder`, of what `contents` says; it takes up to `max_bytes`.

    What an item is, and how it is drawn, is the subclasses' matter.
    """

    def __init__(
        self, folder: Path, contents: Mapping[str, Any], *, max_bytes: int = DEFAULT_MEGABYTES << 20
    ) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        _check_same(folder / "stream.json", dict(contents))

    @abstractmethod
    def drawer(self, fonts: Sequence[Path]) -> Callable[[int], Any]:
        """What draws the item of a number, such as `write` takes."""

    @abstractmethod
    def write(self, shard: int, items: Sequence[Any]) -> None:
        """Add a shard, then remove the oldest while there is too much."""

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

    def n_clips(self, shard: int) -> int:
        """0 for a shard that is gone."""
        try:
            return len(self.facts(shard))
        except FileNotFoundError:
            return 0

    def facts(self, shard: int) -> list[dict[str, Any]]:
        """What is true of each clip of a shard; raises FileNotFoundError where it is gone."""
        with self._opened(shard) as file:
            return list(json.loads(file.metadata()["facts"]))

    def report_drawn(self, reader: str, n_drawn: int) -> None:
        """Tell the writers how many pictures `reader` has drawn since it began."""
        with atomic_path(self.folder / f"drawn-{reader}.json") as temporary:
            temporary.write_text(json.dumps(n_drawn))

    def reported(self, reader: str) -> int:
        """What `reader` last reported."""
        return _read_number(self.folder / f"drawn-{reader}.json")

    def n_drawn(self) -> int:
        """Pictures drawn by all readers."""
        return sum(map(_read_number, self.folder.glob("drawn-*.json")))

    def _store(
        self, shard: int, tensors: dict[str, Tensor], facts: Sequence[dict[str, Any]]
    ) -> None:
        said = json.dumps(list(facts), ensure_ascii=False)
        with atomic_path(self._path(shard)) as temporary:
            save_file(tensors, temporary, metadata={"facts": said})
        self._evict()

    @contextmanager
    def _opened(self, shard: int) -> Iterator[Any]:
        with safe_open(self._path(shard), framework="np") as file:
            yield file

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


def _check_same(path: Path, wanted: dict[str, Any]) -> None:
    """Write what the cache holds, or raise ParameterError where it holds something else."""
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    if found != wanted:
        raise ParameterError(
            f"cache={str(path.parent)!r}: contains clips of {_said(found)}, not {_said(wanted)}; "
            "choose another folder"
        )


def _said(contents: Mapping[str, Any]) -> str:
    """ "recipe 2, preset 'crisp'"."""
    parts = []
    for name, value in contents.items():
        if isinstance(value, dict):
            name, value = "preset", repr(value.get("preset"))
        parts.append(f"{name} {value}")
    return ", ".join(parts)
