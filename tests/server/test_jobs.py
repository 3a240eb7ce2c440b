"""Jobs from a request to clips, as a client sees them; the worker has a tiny model."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient

import riffkit
from riffkit.atomic import output_error
from riffkit.audio.files import load
from riffkit.music.riff import Riff
from riffkit.server import supervisor as module
from riffkit.server.app import create_app
from riffkit.server.settings import Limits, Settings
from riffkit.server.store import JobRow, new_id
from riffkit.spectrogram.image import SpectrogramImage

FAST: dict[str, Any] = {"steps": 2, "bars": 1, "quality": "preview"}
Event = tuple[int, str, dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def app(golden_folder: Path, data: Path) -> FastAPI:
    settings = Settings(
        data=data, model=str(golden_folder), device="cpu", limits=Limits(queue_length=3)
    )
    return create_app(settings)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def submit(client: TestClient, task: str, request: dict[str, Any], **more: Any) -> str:
    answer = client.post("/api/jobs", json={"task": task, "request": request, **more})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/jobs/{answer.json()['id']}"
    job: str = answer.json()["id"]
    return job


def events(client: TestClient, job: str, **asked: Any) -> list[Event]:
    """All events of a job, to its end."""
    text = client.get(f"/api/jobs/{job}/events", **asked).text
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


def done(client: TestClient, job: str) -> dict[str, Any]:
    heard = events(client, job)
    assert heard[-1][1] == "done", heard[-1]
    shown: dict[str, Any] = client.get(f"/api/jobs/{job}").json()
    return shown


def sounds(data: Path, job: dict[str, Any]) -> list[Path]:
    return [next(data.glob(f"clips/*-{clip['id']}.wav")) for clip in job["clips"]]


def test_clips_of_a_job_are_those_that_the_library_makes(
    client: TestClient, data: Path, golden_riff: Riff
) -> None:
    """Three clips with seeds that count up; sound and image are the same as in Python."""
    request = {"prompt": "house, organ", "loop": True, "seed": 41, **FAST}
    job = done(client, submit(client, "generate", request, count=3))
    assert [clip["seed"] for clip in job["clips"]] == [41, 42, 43]
    assert [clip["index"] for clip in job["clips"]] == [0, 1, 2]
    for clip, path in zip(job["clips"], sounds(data, job), strict=True):
        made = golden_riff.generate(**{**request, "seed": clip["seed"]})
        image = SpectrogramImage.open(path.with_suffix(".png"))
        assert (image.pixels == made.image.pixels).all()
        sound, rate = load(path)
        assert rate == clip["sample_rate"] == made.sample_rate
        assert torch.allclose(sound, made.waveform, atol=2**-15)
        assert clip["seconds"] == pytest.approx(made.seconds)
        assert (clip["loop"], clip["bars"], clip["whole_beats"]) == (True, 1, True)
        assert clip["image"] == {"width": 256, "height": 64}


def test_a_clip_of_a_job_is_the_command_lines(
    client: TestClient, data: Path, golden_folder: Path
) -> None:
    request = {"prompt": "waltz", "seed": 5, **FAST}
    job = done(client, submit(client, "generate", request))
    (path,) = sounds(data, job)
    assert riffkit.inspect(path)["recipe"]["arguments"]["prompt"] == "waltz"
    again = riffkit.replay(path, path.with_name("again.wav"), model=str(golden_folder))
    path.with_name("again.wav").unlink()
    assert again.same, again.differences


def test_events_say_what_happens_and_are_replayed(client: TestClient) -> None:
    job = submit(client, "generate", {"prompt": "house", **FAST, "steps": 4}, count=2)
    heard = events(client, job)
    names = [name for _, name, _ in heard if name != "preview"]
    assert names[:2] == ["queued", "started"]
    assert names[-1] == "done"
    assert names.count("clip") == 2
    assert all(data["job"] == job for _, _, data in heard)
    ids = [event for event, _, _ in heard]
    assert ids == sorted(set(ids))
    lasting = [one for one in heard if one[1] not in ("progress", "preview")]
    assert events(client, job) == lasting
    second = lasting[1][0]
    assert events(client, job, params={"after": second}) == lasting[2:]
    assert events(client, job, headers={"Last-Event-ID": str(second)}) == lasting[2:]
    assert events(client, job, headers={"Last-Event-ID": str(ids[-1])}) == []
    answer = client.get(f"/api/jobs/{job}/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 422


def test_one_call_may_make_several_clips_of_another(client: TestClient, data: Path) -> None:
    """Variations of a clip that the library has: by reference, and with its title."""
    first = done(client, submit(client, "generate", {"prompt": "house, organ", **FAST}))
    clip = first["clips"][0]["id"]
    request = {"count": 3, "distance": 0.4, "steps": 2, "quality": "preview"}
    job = done(client, submit(client, "vary", request, inputs={"clip": f"clip:{clip}"}))
    assert job["title"] == "house, organ sibling"
    assert job["inputs"] == {"clip": f"clip:{clip}"}
    assert len(job["clips"]) == job["count"] == 3
    seeds = [one["seed"] for one in job["clips"]]
    assert len({path.read_bytes() for path in sounds(data, job)}) == 3
    assert seeds[0] == job["request"]["seed"]
    recipe = riffkit.inspect(sounds(data, job)[1])["recipe"]
    assert recipe["inputs"]["clip"]["name"].endswith(f"{clip}.wav")


def test_stems_are_written_beside_the_clip(client: TestClient, data: Path) -> None:
    request = {"prompt": "jazz trio", "stems": True, **FAST}
    job = done(client, submit(client, "generate", request))
    (clip,), (path,) = job["clips"], sounds(data, job)
    assert clip["has_score"]
    files = sorted(path.with_name(f"{path.stem}-stems").glob("*.wav"))
    assert len(files) == len(clip["stems"]) > 1
    mixed = sum(load(file, allow_silence=True)[0] for file in files)
    assert (mixed - load(path)[0]).abs().max() < 1e-3


def test_an_end_of_a_morph_may_be_a_clip(client: TestClient) -> None:
    first = done(client, submit(client, "generate", {"prompt": "house", "loop": True, **FAST}))
    end = f"clip:{first['clips'][0]['id']}"
    request = {"first": end, "last": "waltz", "frames": 2, **FAST}
    job = done(client, submit(client, "morph", request))
    assert job["title"] == "house to waltz"


def test_a_running_job_is_cancelled_within_a_step(client: TestClient, data: Path) -> None:
    before = set(data.rglob("*.wav"))
    job = submit(client, "generate", {"prompt": "house", **FAST, "steps": 900}, count=4)
    until(lambda: client.get(f"/api/jobs/{job}").json()["step"] > 1)
    assert client.delete(f"/api/jobs/{job}").status_code == 200
    begin = time.monotonic()
    assert events(client, job)[-1][1] == "cancelled"
    assert time.monotonic() - begin < 2
    shown = client.get(f"/api/jobs/{job}").json()
    assert (shown["state"], shown["clips"]) == ("cancelled", [])
    assert set(data.rglob("*.wav")) == before
    assert client.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"


def test_a_full_queue_says_when_to_come_back(client: TestClient) -> None:
    body = {"task": "generate", "request": {"prompt": "house", **FAST, "steps": 900}}
    running = client.post("/api/jobs", json=body).json()["id"]
    until(lambda: client.get(f"/api/jobs/{running}").json()["state"] == "running")
    waiting = [client.post("/api/jobs", json=body).json() for _ in range(3)]
    assert [job["position"] for job in waiting] == [0, 1, 2]
    full = client.post("/api/jobs", json=body)
    assert full.status_code == 429
    assert int(full.headers["Retry-After"]) > 0
    assert client.get("/health").json()["queue"] == {"waiting": 3, "running": 1, "most": 3}
    client.delete(f"/api/jobs/{waiting[0]['id']}")
    assert client.get(f"/api/jobs/{waiting[1]['id']}").json()["position"] == 0
    shown = client.get("/api/jobs", params={"state": "queued"}).json()["jobs"]
    assert [job["id"] for job in shown] == [waiting[2]["id"], waiting[1]["id"]]
    for job in (*waiting[1:], {"id": running}):
        client.delete(f"/api/jobs/{job['id']}")
    assert events(client, running)[-1][1] == "cancelled"


def test_a_job_that_fails_says_why(client: TestClient, app: FastAPI) -> None:
    """What is found only by the worker: the clip is too short for the bars."""
    first = done(client, submit(client, "generate", {"prompt": "house", **FAST}))
    ends = {"first": f"clip:{first['clips'][0]['id']}", "last": "waltz"}
    job = submit(client, "morph", {**ends, "frames": 2, **FAST, "bars": 2})
    heard = events(client, job)
    assert heard[-1][1] == "failed"
    assert "has only 1; use fewer bars or a longer clip" in heard[-1][2]["error"]
    assert client.get(f"/api/jobs/{job}").json()["error"] == heard[-1][2]["error"]
    row = app.state.store.clip(first["clips"][0]["id"])
    app.state.folder.remove_clip(row)
    status = client.post(
        "/api/jobs", json={"task": "vary", "request": {}, "inputs": {"clip": f"clip:{row.id}"}}
    )
    assert status.status_code == 422


@pytest.mark.slow
def test_another_model_is_loaded_for_a_job_that_names_it(client: TestClient) -> None:
    request = {"prompt": "house", "steps": 1, "bars": 1, "quality": "preview"}
    job = done(client, submit(client, "generate", request, model="mini"))
    assert job["clips"][0]["model"] == "mini"
    assert job["clips"][0]["sample_rate"] == 44_100
    back = done(client, submit(client, "generate", request))
    assert back["clips"][0]["model"] == "golden"


def until(is_so: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "fault",
    [
        sqlite3.OperationalError("database or disk is full"),
        OSError(errno.ENOSPC, "No space left on device"),
        output_error("clip.wav", OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_a_full_disk_is_told(
    client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def full(*of: object) -> None:
        raise fault from (fault.__cause__ or OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(app.state.store, "add_job", full)
    answer = client.post("/api/jobs", json={"task": "generate", "request": {"prompt": "house"}})
    assert answer.status_code == 507
    assert answer.json() == {
        "error": "the disk is full; make room, or start the server with another `data` folder"
    }


def test_on_a_full_disk_what_waits_goes_on_waiting(
    client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs aren't failed one after the other; they begin once there is room."""
    supervisor, store = app.state.supervisor, app.state.store
    full = replace(app.state.settings, limits=Limits(least_free_bytes=1 << 60))
    with monkeypatch.context() as during:
        job = replace(store.jobs()[0], id=new_id(), state="queued", made=(), finished=None)
        during.setattr(supervisor, "_settings", full)
        during.setattr(module, "_ROOM_SECONDS", 0.1)
        store.add_job(job)
        supervisor._ring()
        until(lambda: client.get("/health").json()["problem"])
        assert "the disk is full" in client.get("/health").json()["problem"]
        assert client.get(f"/api/jobs/{job.id}").json()["state"] == "queued"
        body = {"task": "generate", "request": {"prompt": "house", **FAST}}
        assert client.post("/api/jobs", json=body).status_code == 507
        during.setattr(supervisor, "_settings", app.state.settings)
        until(lambda: client.get(f"/api/jobs/{job.id}").json()["state"] != "queued")
        assert client.get("/health").json()["problem"] is None
        client.delete(f"/api/jobs/{job.id}")
        events(client, job.id)


@pytest.mark.parametrize("ends", ["start", "stop"])
def test_a_cancelled_job_is_not_begun_again(tmp_path: Path, golden_folder: Path, ends: str) -> None:
    """The server ended, or was killed, before the worker stopped the job."""
    app = create_app(Settings(data=tmp_path, model=str(golden_folder), device="cpu"))
    store, supervisor = app.state.store, app.state.supervisor
    row = JobRow(new_id(), "generate", "house", {"prompt": "house"}, {}, "golden")
    store.add_job(row)
    store.start_job(row.id)
    supervisor._running = row.id
    supervisor.cancel(row.id)
    assert store.job(row.id).state == "running"
    supervisor._thread = threading.Thread(target=lambda: None)
    if ends == "start":  # of the next server
        supervisor.start()
    else:
        supervisor._thread.start()
        supervisor.stop()
    assert store.job(row.id).state == "cancelled"
    store.close()
    app.state.folder.close()
