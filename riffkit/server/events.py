"""Wakes the streams that wait for events, and writes them as server-sent events.

A stream begins in the store, so what it missed is replayed after its last id. New events are read
and written out once for all streams, which are woken some at a time: other requests come between.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from riffkit.server.store import OVER, PASSING, EventRow, Store

MEDIA_TYPE = "text/event-stream"
_KEEP_ALIVE_SECONDS = 15.0
_ALIVE = b": \n\n"
_AT_A_TIME = 25  # streams that are woken
_SECONDS_A_STREAM = 0.0005  # between two wake-ups, so that many streams don't take all the time
_MOST_NEWS = 256
_MOST_NEWS_BYTES = 4 << 20


class _News(NamedTuple):
    """An event as it is sent."""

    id: int
    job: str | None
    name: str
    frame: bytes


class Events:
    """The streams of one server. `wake` may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._news: deque[_News] = deque()
        self._last = store.last_event()  # that the news hold
        self._n_streams = 0
        self._is_waking = False
        self._closed = False
        store.on_event = self.wake

    def begin(self) -> None:
        """Serve streams of the running loop."""
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Tell all streams that there are new events."""
        loop = self._loop
        if loop is not None and not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._take_news)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._release(list(self._waiting))

    async def stream(self, after: int, *, job: str | None = None) -> AsyncIterator[bytes]:
        """The events after an id, of all or of one job; the latter end with it.

        An id that no event has yet is another database's: then they are those from now on.
        """
        after = min(after, self._store.last_event())
        self._n_streams += 1
        try:
            yield _ALIVE
            while not self._closed:
                found = self._after(after, job)
                if not found and job is not None and self._is_over(job):
                    found = _written(self._store.events(after, job=job))  # that aren't news yet
                    if not found:
                        return
                if found:
                    after = found[-1].id
                    yield b"".join(one.frame for one in found)
                    if job is not None and found[-1].name in OVER:
                        return
                elif not await self._wait():
                    yield _ALIVE
        finally:
            self._n_streams -= 1

    def _after(self, after: int, job: str | None) -> Sequence[_News]:
        """What comes next, from the news or, where they begin later, from the store."""
        if self._news and after >= self._news[0].id - 1:
            return [one for one in self._news if one.id > after and job in (None, one.job)]
        if after >= self._last:
            return ()
        return _written(self._store.events(after, job=job))

    async def _wait(self) -> bool:
        """Whether there were new events before a sign of life is due."""
        assert self._loop is not None
        future = self._loop.create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, _KEEP_ALIVE_SECONDS)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

    def _is_over(self, job: str) -> bool:
        row = self._store.job(job)
        return row is None or row.state in OVER

    def _take_news(self) -> None:
        """Read what is new, and wake the streams; the next time is a while later."""
        if self._closed or self._loop is None:
            return
        self._loop.call_later(self._n_streams * _SECONDS_A_STREAM, self._rest)
        while rows := self._store.events(self._last):
            self._news.extend(_written(rows))
            self._last = rows[-1].id
        over = {one.job for one in self._news if one.name in OVER}
        self._news = deque(
            one for one in self._news if one.job not in over or one.name not in PASSING
        )
        n_bytes = sum(len(one.frame) for one in self._news)
        while len(self._news) > _MOST_NEWS or n_bytes > _MOST_NEWS_BYTES:
            n_bytes -= len(self._news.popleft().frame)
        self._release(list(self._waiting))

    def _rest(self) -> None:
        """From now on, streams may be woken again."""
        self._is_waking = False
        if self._store.last_event() > self._last:
            self.wake()

    def _release(self, waiting: list[asyncio.Future[None]]) -> None:
        for future in waiting[:_AT_A_TIME]:
            if not future.done():
                future.set_result(None)
        rest = waiting[_AT_A_TIME:]
        if rest and self._loop is not None:
            self._loop.call_soon(self._release, rest)


def _written(rows: Iterable[EventRow]) -> list[_News]:
    return [_News(row.id, row.job, row.name, _frame(row)) for row in rows]


def _frame(row: EventRow) -> bytes:
    data = json.dumps(row.data, separators=(",", ":"))
    return f"id: {row.id}\nevent: {row.name}\ndata: {data}\n\n".encode()
