"""The server and its worker as processes: what they load, and what a kill leaves."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from riffkit.music.riff import Riff
from riffkit.spectrogram.image import SpectrogramImage
from tests.server.running import Running, command, environment, until

REQUEST = {"prompt": "house", "bars": 1, "steps": 40, "quality": "preview"}


@pytest.fixture
def server(golden_folder: Path, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "data", ("--model", str(golden_folder), "--device", "cpu"))
    running.start()
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.end()


def check_clips(data: Path, running: Running, jobs: list[str], riff: Riff) -> None:
    """Each job is done, and its clips are those of an undisturbed one."""
    for job in jobs:
        shown = running.job(job)
        assert shown["state"] == "done", shown
        assert [clip["index"] for clip in shown["clips"]] == list(range(shown["count"]))
        for clip in shown["clips"]:
            (audio,) = data.glob(f"clips/*-{clip['id']}.wav")
            assert soundfile.info(audio).duration == pytest.approx(clip["seconds"], abs=1e-3)
            made = riff.generate(**{**shown["request"], "seed": clip["seed"]})
            image = SpectrogramImage.open(audio.with_suffix(".png"))
            assert (image.pixels == made.image.pixels).all()
    assert list(data.glob("clips/.riffkit-*")) == []
    n_clips = len(running.client.get("/api/clips").json()["clips"])
    assert n_clips == len(list(data.glob("clips/*.wav"))) == len(list(data.glob("clips/*.png")))


def test_what_is_killed_begins_again(server: Running, golden_riff: Riff) -> None:
    """The worker, then the server, killed in the middle of a job: nothing is lost."""
    assert not holds_torch(server.process.pid)
    jobs = [server.submit({**REQUEST, "seed": seed}, count=2) for seed in (3, 9)]
    until(lambda: server.job(jobs[0])["step"] > 2)
    worker = server.worker
    assert worker is not None
    assert holds_torch(worker.pid)
    worker.kill()
    assert server.client.get("/health").status_code == 200
    until(lambda: server.job(jobs[0])["clips"])
    finished = list(server.data.glob("clips/*.wav"))
    times = {path: path.stat().st_mtime_ns for path in finished}
    server.kill()
    server.start()
    until(lambda: all(server.is_over(job) for job in jobs))
    check_clips(server.data, server, jobs, golden_riff)
    assert {path: path.stat().st_mtime_ns for path in finished} == times
    assert not holds_torch(server.process.pid)
    worker = server.worker
    assert worker is not None
    with server.client.stream("GET", "/api/events") as stream:  # open, and waiting
        assert next(stream.iter_text()).startswith(":")
        assert server.terminate() < 4
    until(lambda: not worker.is_running(), 5)


@pytest.mark.slow
@pytest.mark.timeout(1500)  # some thirty processes start, each for ten seconds where it is slow
def test_kills_at_random_moments(server: Running, golden_riff: Riff) -> None:
    """Server and worker in turn, 20 times, while jobs come in."""
    chance = random.Random(7)
    jobs = []
    for turn in range(20):
        jobs.append(server.submit({**REQUEST, "seed": turn}, count=2))
        time.sleep(chance.uniform(0, 8))
        worker = server.worker
        if turn % 2 and worker is not None:
            worker.kill()
        else:
            server.kill()
            server.start()
    until(lambda: all(server.is_over(job) for job in jobs), 1200)
    check_clips(server.data, server, jobs, golden_riff)


@pytest.mark.slow
def test_a_job_that_kills_its_worker_is_given_up(server: Running) -> None:
    job, other = server.submit({**REQUEST, "steps": 900}), server.submit(REQUEST)
    for _ in range(3):
        until(lambda: server.job(job)["state"] == "running" and server.job(job)["step"] > 0)
        step = server.job(job)["step"]
        assert server.worker is not None
        server.worker.kill()
        until(lambda step=step: server.job(job)["step"] < step or server.is_over(job))
    until(lambda: server.is_over(other))
    assert server.job(job)["state"] == "failed"
    assert "the worker died of it three times" in server.job(job)["error"]
    assert server.job(other)["state"] == "done"


def test_places_that_are_taken_are_told_in_a_line(server: Running, tmp_path: Path) -> None:
    port = str(server.client.base_url.port)
    for words, said in (
        (("--data", str(server.data), "--port", "0"), "another server uses this folder"),
        (("--data", str(tmp_path / "x"), "--port", port), "another program listens there"),
        (("--data", str(tmp_path / "x"), "--host", "0.0.0.0"), "set a --token"),
        (("--data", "/proc/riffkit"), "no permission to write there"),
        (("--data", str(tmp_path / "x"), "--model", "nope"), "no such folder"),
    ):
        done = subprocess.run(
            command(*words), env=environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert server.client.get("/health").status_code == 200


def holds_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()
