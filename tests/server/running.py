"""`riff serve` as a process of its own, which tests may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[2]
_SECONDS = 90.0


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "riffkit", "serve", *words]


def environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": str(ROOT)}


@dataclass
class Running:
    """A server on a data folder; `options` are the command's."""

    data: Path
    options: tuple[str, ...] = ()
    process: Any = None
    client: httpx.Client = field(default_factory=httpx.Client)

    def start(self) -> None:
        words = command("--data", str(self.data), "--port", "0", *self.options)
        self.process = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True)
        address = self.process.stdout.readline().split(" ")[0]
        assert address.startswith("http://"), "the server didn't start"
        self.client = httpx.Client(base_url=address, timeout=30)

    def kill(self) -> None:
        """SIGKILL; its worker ends by itself."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.end()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive

    def terminate(self) -> float:
        """SIGTERM; the seconds until it has ended."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.end()
        return time.monotonic() - begin

    def end(self) -> None:
        self.process.wait()
        self.process.stdout.close()
        self.client.close()

    @property
    def worker(self) -> psutil.Process | None:
        """The process that holds the model: the server's largest child."""
        children = psutil.Process(self.process.pid).children()
        return max(children, key=lambda child: child.memory_info().rss, default=None)

    def submit(self, request: dict[str, Any], **more: Any) -> str:
        body = {"task": "generate", "request": request, **more}
        answer = self.client.post("/api/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job: str = answer.json()["id"]
        return job

    def job(self, job: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.client.get(f"/api/jobs/{job}").json()
        return shown

    def is_over(self, job: str) -> bool:
        return self.job(job)["state"] in ("done", "failed", "cancelled")


def until(is_so: Callable[[], object], seconds: float = _SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
