"""Wakes the streams that wait for events, and writes them as server-sent events.

A stream reads from the store, so what it missed is replayed after its last id, and a slow client
holds nothing but itself. One wake-up is for all of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from riffkit.server.store import OVER, EventRow, Store

_KEEP_ALIVE_SECONDS = 15.0
_ALIVE = b": \n\n"
MEDIA_TYPE = "text/event-stream"


class Events:
    """The streams of one server. `wake` may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
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
                loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self.wake()

    async def stream(self, after: int, *, job: str | None = None) -> AsyncIterator[bytes]:
        """The events after an id, of all or of one job; the latter end with it."""
        yield _ALIVE
        while not self._closed:
            news = self._news  # before reading, so that nothing is missed between
            rows = self._store.events(after, job=job)
            if rows:
                after = rows[-1].id
                yield b"".join(map(_frame, rows))
                if job is not None and rows[-1].name in OVER:
                    return
                continue
            if job is not None and self._is_over(job):
                return
            try:
                await asyncio.wait_for(news.wait(), _KEEP_ALIVE_SECONDS)
            except TimeoutError:
                yield _ALIVE

    def _is_over(self, job: str) -> bool:
        row = self._store.job(job)
        return row is None or row.state in OVER

    def _wake(self) -> None:
        self._is_waking = False
        self._news.set()
        self._news = asyncio.Event()


def _frame(row: EventRow) -> bytes:
    data = json.dumps(row.data, separators=(",", ":"))
    return f"id: {row.id}\nevent: {row.name}\ndata: {data}\n\n".encode()
