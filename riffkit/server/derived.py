"""Files that are made from a clip when they are asked for, and kept while there is room."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from riffkit.server.answers import missing

_MOST_BYTES = 2 << 30
_IN_USE_SECONDS = 60.0
Make = Callable[[], Awaitable[object]]


class Derived:
    """The folder of derived files: each is made once at a time, and the oldest go first."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._making: dict[Path, asyncio.Task[None]] = {}

    async def file(self, path: Path, make: Make, *, is_wanted: Callable[[], bool]) -> Path:
        """The file at `path`, made by `make` if it isn't there.

        Clients that go away don't stop it. `is_wanted` is asked when it is made: what it was made
        of may have been deleted. Raises what `make` raises, and RefusalError (404).
        """
        with suppress(FileNotFoundError):
            # when it was used; clients know a version by when it was written
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path
        task = self._making.get(path)
        if task is None:
            task = asyncio.create_task(self._made(path, make, is_wanted))
            self._making[path] = task
            task.add_done_callback(lambda done: self._over(path, done))
        await asyncio.shield(task)
        return path

    async def _made(self, path: Path, make: Make, is_wanted: Callable[[], bool]) -> None:
        await make()
        if not is_wanted():
            path.unlink(missing_ok=True)
            raise missing("clip")
        await asyncio.to_thread(trim, path.parent, self._most_bytes)

    def _over(self, path: Path, done: asyncio.Task[None]) -> None:
        del self._making[path]
        if not done.cancelled():
            done.exception()  # heard, though every client may be gone


def trim(folder: Path, most_bytes: int) -> None:
    """Remove the files used longest ago, but those of the last minute, until they have room."""
    found = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            facts = path.stat()
            found.append((max(facts.st_atime, facts.st_mtime), facts.st_size, path))
    size = sum(n_bytes for _, n_bytes, _ in found)
    for used, n_bytes, path in sorted(found):
        if size <= most_bytes or used > time.time() - _IN_USE_SECONDS:
            return
        path.unlink(missing_ok=True)
        size -= n_bytes
