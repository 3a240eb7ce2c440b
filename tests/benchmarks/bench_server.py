"""The studio's server: what the API adds to a task, and what many clients at once do to it.

    python tests/benchmarks/bench_server.py [--short]

The time of a job over HTTP, from the request to the event `done`, is printed as a ratio to the same
task in Python: `Riff.generate` on a loaded model, and its two files. Both have one thread and run
in turn. Then clients hold a stream of events each, and read the library's list and sounds, while
the worker paints: their errors, the server's memory, and the median answer of /health, each beside
that of the same server with one client.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil  # noqa: E402 (after the threads are set)

import riffkit  # noqa: E402
from tests.server.running import Running, until  # noqa: E402

REQUEST: dict[str, Any] = {"prompt": "lo-fi piano", "bars": 2, "steps": 4, "seed": 1}
_PAUSE_SECONDS = 10.0  # on average, between two requests of a client
_OK = (200, 206, 429)


def over_http(server: Running) -> float:
    """Seconds from the request to the end of its events."""
    begin = time.perf_counter()
    job = server.submit(REQUEST)
    heard = server.client.get(f"/api/jobs/{job}/events", timeout=600).text
    assert "event: done" in heard, heard[-300:]
    return time.perf_counter() - begin


def in_python(riff: Any, folder: Path) -> float:
    """Seconds of the same task by a call, with its files."""
    begin = time.perf_counter()
    clip = riff.generate(**REQUEST)
    clip.save(folder / "clip.wav")
    clip.image.save(folder / "clip.png")
    return time.perf_counter() - begin


def overhead(server: Running, model: str, folder: Path, n_runs: int) -> tuple[float, float]:
    """Seconds over HTTP and in Python: the medians of runs in turn."""
    riff = riffkit.load(model, device="cpu")
    in_python(riff, folder), over_http(server)  # what is compiled or read once
    runs = [(over_http(server), in_python(riff, folder)) for _ in range(n_runs)]
    http, python = zip(*runs, strict=True)
    return statistics.median(http), statistics.median(python)


@dataclass
class Heard:
    """What many clients were answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    n_failures: int = 0
    n_events: int = 0


async def clients(port: int, n: int, seconds: float, clip: str) -> Heard:
    """Clients that hold a stream each, and now and then read the list or a sound."""
    heard, end = Heard(), time.monotonic() + seconds
    chance = random.Random(1)

    async def stream() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request("/api/events", port))
        try:
            status = int((await reader.readline()).split()[1])
            heard.statuses[status] += 1
            while time.monotonic() < end:
                line = await asyncio.wait_for(reader.readline(), end - time.monotonic() + 0.01)
                heard.n_events += line.startswith(b"event:")
                assert line, "the stream ended"
        except TimeoutError:
            pass
        finally:
            writer.close()

    async def pause(wanted: float) -> None:
        await asyncio.sleep(max(0.0, min(wanted, end - time.monotonic())))

    async def read() -> None:
        await pause(chance.uniform(0, _PAUSE_SECONDS))
        while time.monotonic() < end:
            path = chance.choice(["/api/clips", f"/api/clips/{clip}.wav", "/api/jobs?limit=5"])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_request(path, port, "Connection: close"))
            answer = await reader.read(-1)
            heard.statuses[int(answer.split(b" ", 2)[1])] += 1
            writer.close()
            await pause(chance.expovariate(1 / _PAUSE_SECONDS))

    work = [one() for _ in range(n) for one in (stream, read)]
    done = await asyncio.gather(*work, return_exceptions=True)
    failures = [one for one in done if isinstance(one, BaseException)]
    for failure in failures[:3]:
        print(f"  a client failed: {failure!r}")
    heard.n_failures = len(failures)
    return heard


def _request(path: str, port: int, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def health_ms(server: Running, seconds: float) -> float:
    """The median answer of /health over that time, four times a second."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        assert server.client.get("/health").status_code == 200
        taken.append(1e3 * (time.perf_counter() - begin))
        time.sleep(0.25)
    return statistics.median(taken)


def crowd(server: Running, n: int, seconds: float, warm_seconds: float) -> None:
    """Print what many clients meet, beside one client."""
    import multiprocessing

    jobs = [server.submit({**REQUEST, "steps": 12}, count=8) for _ in range(8)]  # all the while
    until(lambda: server.job(jobs[0])["clips"], 600)
    clip, port = server.job(jobs[0])["clips"][0]["id"], int(server.client.base_url.port or 0)
    process = psutil.Process(server.process.pid)
    alone = health_ms(server, min(seconds, 10))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(run_clients, (port, n, warm_seconds, clip))  # what is allocated once
        before = process.memory_info().rss
        waiting = pool.apply_async(run_clients, (port, n, seconds, clip))
        crowded = health_ms(server, seconds)
        heard: Heard = waiting.get()
    grown = (process.memory_info().rss - before) / 1e6
    wrong = sum(count for status, count in heard.statuses.items() if status not in _OK)
    n_answers = sum(heard.statuses.values())
    print(f"{n} clients, {seconds:.0f} s: {n_answers} answers, {heard.n_events} events heard")
    print(f"  errors but 429: {wrong + heard.n_failures}; memory grown by {grown:.1f} MB")
    print(f"  /health: {crowded:.1f} ms, with one client {alone:.1f} ms")
    print(f"  ratio to one client: {crowded / alone:.2f}")
    for job in jobs:
        server.client.delete(f"/api/jobs/{job}")


def run_clients(port: int, n: int, seconds: float, clip: str) -> Heard:
    """`clients`, in a process of their own."""
    return asyncio.run(clients(port, n, seconds, clip))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="thin networks, one run, 50 clients")
    is_short = parser.parse_args().short
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), "mini"
        if is_short:
            from tests import thin_mini

            model = str(folder / "thin")
            thin_mini.save(Path(model))
        server = Running(folder / "data", ("--model", model, "--device", "cpu"))
        server.start()
        try:
            until(lambda: server.client.get("/health").json()["status"] == "ok", 300)
            http, python = overhead(server, model, folder, 1 if is_short else 9)
            print(f"2 bars, 4 steps: over HTTP {http:.3f} s, in Python {python:.3f} s")
            print(f"  {1e3 * (http - python):.0f} ms more; ratio to Python: {http / python:.3f}")
            crowd(server, *((50, 4.0, 2.0) if is_short else (500, 60.0, 8.0)))
        finally:
            server.process.terminate()
            server.end()


if __name__ == "__main__":
    main()
