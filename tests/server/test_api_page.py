"""docs/api.md is true: its Python and its curl lines run against `riff serve`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from riffkit.audio.reader import describe
from tests.server.running import Running

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_SERVED = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert found
    return found


@pytest.fixture(scope="module")
def running(golden_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("page")
    server = Running(data, ("--model", str(golden_folder), "--device", "cpu"))
    server.start()
    job = server.submit({"prompt": "piano", "bars": 1, "steps": 1, "seed": 1})
    assert "event: done" in server.client.get(f"/api/jobs/{job}/events", timeout=120).text
    yield server
    server.terminate()


def address_of(running: Running) -> str:
    return str(running.client.base_url).rstrip("/")


@pytest.mark.slow
def test_its_python_runs(running: Running, tmp_path: Path) -> None:
    (code,) = blocks("py")
    assert len(code.splitlines()) <= 10
    code = code.replace(_SERVED, address_of(running))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "event: done" in done.stdout
    assert describe(tmp_path / "piano.wav").seconds == pytest.approx(8 * 60 / 84, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_its_curl_lines_run(running: Running, tmp_path: Path) -> None:
    """Each as it is printed, but for the address and the id."""
    for line in "".join(blocks("console")).splitlines():
        if not line.startswith("curl"):
            continue
        clips = running.client.get("/api/clips").json()["clips"]
        line = line.replace("localhost:8000", address_of(running).removeprefix("http://"))
        line = line.replace("/ID", f"/{clips[0]['id']}" if clips else "/ID")
        if "song.wav" in line:
            shutil.copy(tmp_path / "faster.wav", tmp_path / "song.wav")
        done = subprocess.run(
            f"{line} --fail-with-body --no-progress-meter",
            cwd=tmp_path,
            shell=True,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        while (
            running.client.get("/health").json()["queue"]["waiting"]
            or running.client.get("/api/jobs?state=running").json()["jobs"]
        ):
            time.sleep(0.1)
    assert describe(tmp_path / "techno.flac").seconds > 1
    assert describe(tmp_path / "jazz.mp3").seconds > 1


@pytest.mark.slow
def test_its_json_is_taken(running: Running) -> None:
    vary, riffusion = map(json.loads, blocks("json"))
    vary["inputs"]["clip"] = f"clip:{running.client.get('/api/clips').json()['clips'][0]['id']}"
    assert running.client.post("/api/jobs", json=vary).status_code == 202
    riffusion["num_inference_steps"], riffusion["seed_image_id"] = 2, ""
    answer = running.client.post("/run_inference/", json=riffusion, timeout=120)
    assert answer.status_code == 200
