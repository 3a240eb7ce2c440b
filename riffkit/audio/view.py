"""Parts of a file as one file: how libsndfile gets to read what it would read wrong."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from typing import IO, Any


class View(io.RawIOBase):
    """`head`, then spans of a file, as one file that can be read and sought."""

    def __init__(self, file: IO[bytes], head: bytes, spans: Sequence[tuple[int, int]]) -> None:
        self._file, self._head, self._spans = file, head, spans
        self._starts = [len(head)]  # of each span in this file, and the end
        for start, stop in spans:
            self._starts.append(self._starts[-1] + stop - start)
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._starts[-1]}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Up to the end of the part that the place lies in."""
        wanted = memoryview(buffer).cast("B")
        if self._place >= self._starts[-1] or not len(wanted):
            return 0
        if self._place < len(self._head):
            found = self._head[self._place : self._place + len(wanted)]
        else:
            part = bisect_right(self._starts, self._place) - 1
            self._file.seek(self._spans[part][0] + self._place - self._starts[part])
            found = self._file.read(min(len(wanted), self._starts[part + 1] - self._place))
        wanted[: len(found)] = found
        self._place += len(found)
        return len(found)
