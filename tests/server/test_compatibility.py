"""Clips made again, files taken in, and the clients of other servers; with a worker."""

from __future__ import annotations

import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from riffkit.audio import files
from riffkit.audio.reader import describe
from riffkit.music.replay import replay
from riffkit.server.riffusion import SEED_IMAGES

_STEPS = {"steps": 2, "quality": "preview"}


def done(client: TestClient, answer: Any) -> dict[str, Any]:
    """A job's JSON, once it is over."""
    assert answer.status_code == 202, answer.text
    job = answer.json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.02)
        job = client.get(f"/api/jobs/{job['id']}").json()
    found: dict[str, Any] = job
    return found


def made(client: TestClient, task: str, request: Any, **inputs: str) -> dict[str, Any]:
    """The clip of a job."""
    body = {"task": task, "request": request, "inputs": inputs}
    job = done(client, client.post("/api/jobs", json=body))
    assert job["state"] == "done", job["error"]
    clip: dict[str, Any] = job["clips"][0]
    return clip


@pytest.fixture(scope="module")
def first(served: TestClient) -> dict[str, Any]:
    request = {"prompt": "house, organ", "bars": 2, "loop": True, "seed": 5, **_STEPS}
    return made(served, "generate", request)


def content(client: TestClient, clip: dict[str, Any], suffix: str = ".wav") -> bytes:
    data: bytes = client.get(f"/api/clips/{clip['id']}{suffix}").content
    return data


def test_a_clip_is_made_again_from_its_recipe(served: TestClient, first: dict[str, Any]) -> None:
    url = f"/api/clips/{first['id']}/again"
    same = done(served, served.post(f"{url}?seed=5"))["clips"][0]
    assert content(served, same) == content(served, first)
    other = done(served, served.post(url))["clips"][0]
    assert other["seed"] != 5
    assert (other["bpm"], other["key"], other["bars"]) == (first["bpm"], first["key"], 2)
    assert content(served, other) != content(served, first)


def test_so_is_one_that_was_made_of_others(served: TestClient, first: dict[str, Any]) -> None:
    source = made(served, "generate", {"prompt": "waltz", "bars": 1, "seed": 8, **_STEPS})
    request = {"first": f"clip:{source['id']}", "last": "flute", "frames": 2, "bars": 1}
    morph = made(served, "morph", {**request, **_STEPS})
    again = done(served, served.post(f"/api/clips/{morph['id']}/again?seed={morph['seed']}"))
    assert content(served, again["clips"][0]) == content(served, morph)
    served.delete(f"/api/clips/{source['id']}")
    gone = served.post(f"/api/clips/{morph['id']}/again")
    assert (gone.status_code, "is gone" in gone.json()["error"]) == (422, True)
    assert served.post(f"/api/clips/{morph['id']}/again?seed=-1").status_code == 422
    assert served.post("/api/clips/abcdefabcdef/again").status_code == 404


def test_a_sound_is_taken_in_as_it_is(
    served: TestClient, golden_folder: Path, tmp_path: Path
) -> None:
    """Its samples stay; its image begins with its bar; what is made of it begins there too."""
    clip = made(served, "generate", {"prompt": "house", "bars": 3, "seed": 2, **_STEPS})
    (tmp_path / "own.wav").write_bytes(content(served, clip))
    sound, rate = files.load(tmp_path / "own.wav")
    files.save(tmp_path / "part.wav", sound[:, 3_000:-5_000], rate)
    sent = served.post(
        "/api/uploads", files={"file": ("My song.wav", (tmp_path / "part.wav").read_bytes())}
    ).json()
    taken = made(served, "import", {"bpm": clip["bpm"]}, file=f"upload:{sent['id']}")
    assert (taken["title"], taken["task"], taken["loop"]) == ("My song", "import", False)
    (tmp_path / "taken.wav").write_bytes(content(served, taken))
    own, _ = files.load(tmp_path / "part.wav")
    assert files.load(tmp_path / "taken.wav")[0].equal(own)
    axes = served.get(f"/api/clips/{taken['id']}/axes").json()
    bar = 4 * 60 / taken["bpm"]
    assert 0 <= axes["lead_seconds"] < bar
    length = axes["seconds_per_column"] * taken["image"]["width"]
    assert length == pytest.approx(bar * taken["bars"])
    vary = made(served, "vary", {"count": 1, **_STEPS}, clip=f"clip:{taken['id']}")
    same = served.get(f"/api/clips/{vary['id']}/axes").json()
    assert same["lead_seconds"] == axes["lead_seconds"]
    assert vary["image"] == taken["image"]
    state = served.app.state  # type: ignore[attr-defined]
    path = state.folder.clip_file(state.store.clip(taken["id"]), ".wav")
    for suffix in (".wav", ".png"):
        again = replay(
            path.with_suffix(suffix), tmp_path / f"again{suffix}", model=str(golden_folder)
        )
        assert (again.same, again.compared) == (True, "bytes")
    refused = served.post(f"/api/clips/{taken['id']}/again")
    assert (refused.status_code, "was brought" in refused.json()["error"]) == (422, True)


def test_an_image_is_taken_in_as_it_is_drawn(served: TestClient, first: dict[str, Any]) -> None:
    picture = content(served, first, ".png")
    sent = served.post("/api/uploads", files={"file": ("a.png", picture)}).json()
    taken = made(served, "import", {}, file=f"upload:{sent['id']}")
    assert (taken["bpm"], taken["beats"], taken["loop"]) == (first["bpm"], 8, True)
    images = [
        np.asarray(Image.open(io.BytesIO(data)))
        for data in (picture, content(served, taken, ".png"))
    ]
    assert np.array_equal(*images)


def inference(alpha: float = 0.25, **more: Any) -> dict[str, Any]:
    ends = {"start": {"prompt": "house", "seed": 5}, "end": {"prompt": "waltz", "seed": 6}}
    return {"alpha": alpha, "num_inference_steps": 2, "seed_image_id": "", **ends, **more}


def of_uri(uri: str, kind: str) -> bytes:
    head, _, text = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(text)


def test_riffusions_request(served: TestClient, tmp_path: Path) -> None:
    answer = served.post("/run_inference/", json=inference())
    assert (answer.status_code, set(answer.json())) == (200, {"image", "audio", "duration_s"})
    image = Image.open(io.BytesIO(of_uri(answer.json()["image"], "image/jpeg")))
    (tmp_path / "a.mp3").write_bytes(of_uri(answer.json()["audio"], "audio/mpeg"))
    clip = served.get("/api/clips").json()["clips"][0]
    assert (clip["task"], clip["title"]) == ("interpolate", "house to waltz")
    assert image.size == (clip["image"]["width"], clip["image"]["height"])
    assert describe(tmp_path / "a.mp3").seconds == pytest.approx(answer.json()["duration_s"])
    again = done(served, served.post(f"/api/clips/{clip['id']}/again?seed=5"))["clips"][0]
    assert content(served, again) == content(served, clip)


def test_its_seed_image_may_be_a_clip_and_a_mask_an_upload(
    served: TestClient, first: dict[str, Any]
) -> None:
    output = io.BytesIO()
    mask = np.zeros((30, 100), np.uint8)
    mask[:, 50:] = 255
    Image.fromarray(mask).save(output, "PNG")
    sent = served.post("/api/uploads", files={"file": ("m.png", output.getvalue())}).json()
    of_clip = {"seed_image_id": f"clip:{first['id']}"}
    masked = {**of_clip, "mask_image_id": f"upload:{sent['id']}"}
    duration = served.post("/run_inference/", json=inference(**masked)).json()["duration_s"]
    assert duration == first["seconds"]
    task = served.get("/api/clips").json()["clips"][0]
    assert task["task"] == "interpolate"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"alpha": 1.5}, "alpha=1.5: must be between 0 and 1"),
        ({"alpha": "half"}, "alpha='half': must be a number"),
        ({"start": {"prompt": "a"}}, "start: has no seed"),
        ({"end": 3}, "end=3"),
        ({"seed_image_id": "../../etc/passwd"}, "seed_image_id"),
        ({"seed_image_id": "clip:abcdefabcdef"}, "no such clip"),
        ({"mask_image_id": "/mask.png"}, "mask_image_id='/mask.png'"),
        ({"num_inference_steps": 0}, "steps=0"),
        ({"speed": 1}, "'speed' is unknown"),
    ],
)
def test_what_riffusions_request_can_not_be(
    more: dict[str, Any], said: str, served: TestClient
) -> None:
    answer = served.post("/run_inference/", json=inference(**more))
    assert answer.status_code == 422
    assert said in answer.json()["error"]


def test_it_takes_json_only(served: TestClient) -> None:
    for body, kind, status in ((b"{}", "text/plain", 415), (b"{", "application/json", 400)):
        headers = {"Content-Type": kind}
        answer = served.post("/run_inference/", content=body, headers=headers)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


_NAMES = [*SEED_IMAGES, "", "rock", "../x", "clip:abcdefabcdef", "upload:zzzzzzzzzzzz"]
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
_SHARE = st.floats(-0.2, 1.2) | st.integers(0, 1)
_END = st.fixed_dictionaries(
    {"prompt": st.text(max_size=30), "seed": st.integers(-1, 2**64)},
    optional={
        "denoising": _SHARE,
        "guidance": st.floats(-1, 120) | st.none(),
        "negative_prompt": st.text(max_size=9) | st.none(),
    },
)
_BODY = st.fixed_dictionaries(
    {"start": _END, "end": _END, "alpha": _SHARE},
    optional={
        "num_inference_steps": st.integers(-1, 2),
        "seed_image_id": st.sampled_from(_NAMES) | st.none(),
        "mask_image_id": st.sampled_from(_NAMES) | st.none(),
    },
)
_GOOD_END = st.fixed_dictionaries({"prompt": st.text(min_size=1), "seed": st.integers(0, 9)})
_GOOD_BODY = st.fixed_dictionaries(
    {
        "start": _GOOD_END,
        "end": _GOOD_END,
        "alpha": st.floats(0, 1),
        "num_inference_steps": st.just(1),
        "seed_image_id": st.just(""),
    }
)
_BODIES = st.one_of(
    _GOOD_BODY,
    _BODY,
    st.tuples(_BODY, st.dictionaries(st.sampled_from(["start", "alpha", "x"]), _ANYTHING)).map(
        lambda pair: {**pair[0], **pair[1]}
    ),
    _ANYTHING,
)


def check_any(served: TestClient, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    answer = served.post("/run_inference/", content=json.dumps(body), headers=headers)
    assert answer.status_code in (200, 400, 413, 422), answer.text
    if answer.status_code != 200:
        assert list(answer.json()) == ["error"]
        assert "\n" not in answer.json()["error"]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=_BODIES)
def test_no_body_makes_it_fail(body: Any, served: TestClient) -> None:
    check_any(served, body)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=_BODIES)
def test_none_of_many_bodies_makes_it_fail(body: Any, served: TestClient) -> None:
    check_any(served, body)


def test_speech_is_music(served: TestClient, tmp_path: Path) -> None:
    body = {"model": "tts-1", "input": "house", "voice": "alloy", "instructions": "organ"}
    lengths = {}
    for kind, media in (("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("flac", "audio/flac")):
        answer = served.post("/v1/audio/speech", json={**body, "response_format": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        (tmp_path / f"a.{kind}").write_bytes(answer.content)
        lengths[kind] = describe(tmp_path / f"a.{kind}").seconds
    assert len({round(length, 3) for length in lengths.values()}) == 1
    fast = served.post("/v1/audio/speech", json={**body, "speed": 1.5, "response_format": "wav"})
    (tmp_path / "fast.wav").write_bytes(fast.content)
    assert describe(tmp_path / "fast.wav").seconds == pytest.approx(lengths["wav"] / 1.5, abs=1e-4)
    assert served.get("/api/clips").json()["clips"][0]["prompt"] == "house, organ"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"response_format": "opus"}, "response_format='opus': must be one of mp3, wav, flac"),
        ({"speed": 9}, "speed=9"),
        ({"input": " "}, "prompt"),
        ({"input": None}, "speech: has no input"),
        ({"voice": 3}, "voice=3"),
        ({"stream_format": "sse"}, "stream_format"),
    ],
)
def test_what_speech_can_not_be(more: dict[str, Any], said: str, served: TestClient) -> None:
    answer = served.post("/v1/audio/speech", json={"input": "house", **more})
    assert answer.status_code == 422
    assert said in answer.json()["error"]
