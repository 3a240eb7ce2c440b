"""Streams of events: nothing is missed, and a crowd of them is woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from riffkit.server.events import Events
from riffkit.server.store import JobRow, Store, new_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "riffkit.db")
    yield store
    store.close()


def queued(store: Store) -> str:
    row = JobRow(new_id(), "generate", "piano", {}, {}, "mini")
    store.add_job(row)
    return row.id


async def names(stream: AsyncIterator[bytes]) -> list[str]:
    """The names of the events of a stream, to its end."""
    text = b"".join([part async for part in stream]).decode()
    return [line.removeprefix("event: ") for line in text.split("\n") if line[:6] == "event:"]


def test_a_jobs_end_is_heard_before_the_news_of_it(store: Store) -> None:
    """The store has it, and the loop hasn't been woken yet."""

    async def heard() -> list[str]:
        events = Events(store)
        job = queued(store)
        store.start_job(job)
        store.end_job(job, "done")
        return await names(events.stream(0, job=job))

    assert asyncio.run(heard()) == ["queued", "started", "done"]


def test_each_of_many_streams_hears_each_event_once(store: Store) -> None:
    async def heard() -> list[list[str]]:
        events = Events(store)
        events.begin()
        job = queued(store)
        streams = [asyncio.create_task(names(events.stream(0, job=job))) for _ in range(200)]
        await asyncio.sleep(0.05)
        store.start_job(job)
        for step in range(1, 6):
            await asyncio.to_thread(store.progress, job, 0, step, 5)
            await asyncio.sleep(0.01)
        await asyncio.to_thread(store.end_job, job, "done")
        return await asyncio.wait_for(asyncio.gather(*streams), 20)

    for found in asyncio.run(heard()):
        assert found[:2] == ["queued", "started"]
        assert found[-1] == "done"
        assert found.count("done") == 1
        assert found.count("progress") <= 5


def test_what_a_slow_stream_missed_is_read_from_the_store(store: Store) -> None:
    """More than the news hold."""

    async def heard() -> list[str]:
        events = Events(store)
        events.begin()
        job = queued(store)
        for n in range(1_000):
            store.add_event(job, "clip", {"clip": n})
            if n % 100 == 0:
                await asyncio.sleep(0.002)
        store.end_job(job, "done")
        await asyncio.sleep(0.05)
        return await names(events.stream(0, job=job))

    found = asyncio.run(heard())
    assert found == ["queued", *["clip"] * 1_000, "done"]


def test_streams_end_when_the_server_stops(store: Store) -> None:
    async def heard() -> list[list[str]]:
        events = Events(store)
        events.begin()
        streams = [asyncio.create_task(names(events.stream(0))) for _ in range(60)]
        await asyncio.sleep(0.02)
        events.close()
        return await asyncio.wait_for(asyncio.gather(*streams), 2)

    assert asyncio.run(heard()) == [[]] * 60
