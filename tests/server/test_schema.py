"""Tasks as the API describes them, and bodies that are wrong: the library's own sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

import riffkit
from riffkit.music.fields import about_of, option
from riffkit.music.registry import tasks, unregister
from riffkit.music.request import PaintRequest
from riffkit.music.task import Task
from riffkit.music.values import call_of
from riffkit.server.app import create_app
from riffkit.server.schema import server_tasks, task_json
from riffkit.server.settings import Limits, Settings
from riffkit.tasks.generate import GENERATE

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server without a worker, so that jobs stay in its queue."""
    data = tmp_path_factory.mktemp("schema")
    app = create_app(Settings(data=data, limits=Limits(queue_length=10_000)))
    yield TestClient(app, base_url=ADDRESS)
    app.state.store.close()
    app.state.folder.close()


def posted(client: TestClient, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post("/api/jobs", json=body)
    return answer.status_code, answer.json()


def refused(client: TestClient, task: str, request: dict[str, Any], **more: Any) -> str:
    status, answer = posted(client, task=task, request=request, **more)
    assert status == 422, answer
    sentence: str = answer["error"]
    return sentence


@pytest.mark.parametrize("name", list(tasks()))
def test_a_task_has_every_field_with_the_command_lines_help_and_range(name: str) -> None:
    shown = task_json(tasks()[name])
    request = tasks()[name].request
    about = about_of(request)
    assert {field["name"] for field in shown["fields"]} == set(about)
    defaults = {one.name: one.default for one in fields(request)}
    for field in shown["fields"]:
        told = about[field["name"]]
        assert (field["help"], field["least"], field["most"]) == (told.help, told.least, told.most)
        assert field["required"] == (defaults[field["name"]] is MISSING)
    assert json.loads(json.dumps(shown)) == shown


def test_fields_have_the_types_that_a_form_needs(client: TestClient) -> None:
    shown = {task["name"]: task for task in client.get("/api/tasks").json()["tasks"]}
    kinds = {
        (task, field["name"]): field["type"]
        for task, one in shown.items()
        for field in one["fields"]
    }
    assert kinds["generate", "bars"] == "integer"
    assert kinds["generate", "bpm"] == "number"
    assert kinds["generate", "loop"] == "boolean"
    assert kinds["generate", "quality"] == "choice"
    assert kinds["generate", "loudness"] == "number_or_word"
    assert kinds["loop", "prompts"] == "strings"
    assert kinds["edit", "time"] == "span"
    assert kinds["story", "keyframes"] == "keyframes"
    assert shown["vary"]["count"] == "count"
    assert [one["name"] for one in shown["story"]["inputs"]] == ["theme"]
    assert len(shown["story"]["inputs"][0]["names"]) >= 4  # the bundled seeds
    assert shown["generate"]["inputs"][0]["kinds"] == ["midi"]
    frame = next(f for f in shown["story"]["fields"] if f["name"] == "keyframes")["fields"]
    assert {one["name"] for one in frame} >= {"bar", "prompt", "strength", "easing"}
    assert next(one for one in frame if one["name"] == "easing")["choices"] == [
        "linear",
        "smooth",
        "hold",
    ]


@dataclass(frozen=True)
class DroneRequest(PaintRequest):
    """A task of a program's own."""

    prompt: str = option("The drone in words.", positional=True)
    depth: int = option("How deep.", 3, least=1, most=9)


DRONE = Task(
    "drone", "Make a drone.", DroneRequest, GENERATE.plan, GENERATE.paint, lambda r, i: r.prompt
)


def test_a_task_that_a_program_registers_appears_by_itself(client: TestClient) -> None:
    assert "task: 'drone' is unknown" in refused(client, "drone", {"prompt": "low"})
    riffkit.register(DRONE)
    try:
        shown = {one["name"]: one for one in client.get("/api/tasks").json()["tasks"]}
        assert shown["drone"]["summary"] == "Make a drone."
        schema = client.get("/openapi.json").json()["paths"]["/api/jobs"]["post"]["requestBody"]
        options = schema["content"]["application/json"]["schema"]["oneOf"]
        drone = next(one for one in options if one["title"] == "drone")
        depth = drone["properties"]["request"]["properties"]["depth"]
        assert {"type": "integer", "minimum": 1, "maximum": 9} in depth["anyOf"]
        assert "depth=12: must be between 1 and 9" in refused(
            client, "drone", {"prompt": "low", "depth": 12}
        )
        assert posted(client, task="drone", request={"prompt": "low"})[0] == 202
    finally:
        unregister("drone")


@pytest.mark.parametrize(
    "request_, sentence",
    [
        ({"prompt": "piano", "bars": 0}, "bars=0: must be between 1 and 512"),
        ({"prompt": "piano", "tempo": 90}, "'tempo' is unknown; did you mean 'bpm'?"),
        ({"prompt": "piano", "bpm": "fast"}, "bpm='fast': must be a number"),
        ({"prompt": "piano", "key": "H"}, "H"),
        ({}, "generate: has no prompt"),
    ],
)
def test_wrong_values_are_answered_with_the_librarys_sentence(
    client: TestClient, request_: dict[str, Any], sentence: str
) -> None:
    said = refused(client, "generate", request_)
    assert sentence in said
    with pytest.raises(riffkit.RiffkitError) as caught:
        call_of(tasks()["generate"], request_)
    assert said == str(caught.value)


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"{", 400),
        (b"[1, 2]", 422),
        (b"null", 422),
        (b'{"task": NaN}', 400),
        (b'{"task": "generate", "request": {"prompt": "x", "bpm": 1e999}}', 400),
        (b'{"task": "generate", "request": {"prompt": "x", "bpm": 1%s}}' % (b"0" * 30), 400),
        (b'{"task": "generate", "request": {"prompt": "x", "seed": 18446744073709551616}}', 422),
        (b'{"task": "generate", "request": {"prompt": "\\ud800"}}', 422),
        (b'{"task": "generate", "request": {"prompt": "a\\u0000b"}}', 422),
        (b'{"task": "generate", "request": [1]}', 422),
        (b'{"task": ["generate"]}', 422),
        (b'{"task": "generate", "count": true, "request": {"prompt": "x"}}', 422),
        (b'{"task": "generate", "count": 17, "request": {"prompt": "x"}}', 422),
        (b'{"task": "generate", "model": "../../etc", "request": {"prompt": "x"}}', 422),
        (b'{"task": "story", "request": {"bars": 4, "keyframes": [{"bar": {}}]}}', 422),
        (b"[" * 100_000, 400),
        (b'{"a":' * 50 + b"1" + b"}" * 50, 422),
        (b"\xff\xfe", 400),
    ],
)
def test_bodies_that_are_wrong_are_refused(client: TestClient, body: bytes, status: int) -> None:
    kind = {"Content-Type": "application/json"}
    answer = client.post("/api/jobs", content=body, headers=kind)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]


def test_other_types_of_content_and_large_bodies_are_refused(client: TestClient) -> None:
    text = json.dumps({"task": "generate", "request": {"prompt": "x"}})
    form = {"Content-Type": "text/plain"}
    assert client.post("/api/jobs", content=text, headers=form).status_code == 415
    large = json.dumps({"task": "generate", "request": {"prompt": "x" * (2 << 20)}})
    assert client.post("/api/jobs", json=json.loads(large)).status_code == 413


@pytest.mark.parametrize(
    "task, request_, inputs",
    [
        ("vary", {}, {"clip": "/etc/passwd"}),
        ("vary", {}, {"clip": "clip:../../etc/pa"}),
        ("vary", {}, {"clip": "clip:aaaaaaaaaaaa"}),
        ("vary", {}, {"clip": 3}),
        ("vary", {}, {"song": "clip:aaaaaaaaaaaa"}),
        ("vary", {"clip": "song.wav"}, {}),
        ("vary", {}, {}),
        ("morph", {"first": "piano", "last": "song.wav"}, {}),
        ("morph", {"first": "piano"}, {"last": "/home/me/song.wav"}),
        ("morph", {"first": ["a.wav"], "last": "x"}, {}),
        ("story", {"bars": 4}, {"script": "story.toml"}),
        ("loop", {"prompts": ["piano"]}, {"theme": "samples/theme.wav"}),
    ],
)
def test_only_references_are_files(
    client: TestClient, task: str, request_: dict[str, Any], inputs: dict[str, Any]
) -> None:
    assert refused(client, task, request_, inputs=inputs)


def test_a_seed_is_drawn_when_the_job_is_taken(client: TestClient) -> None:
    seeds = set()
    for _ in range(2):
        status, job = posted(
            client, task="generate", request={"prompt": "piano", "seed": None}, count=3
        )
        assert (status, job["state"], job["count"]) == (202, "queued", 3)
        seeds.add(job["request"]["seed"])
    assert len(seeds) == 2


def test_a_bundled_theme_is_an_input(client: TestClient) -> None:
    theme = server_tasks()["loop"].inputs[0].names()[0]
    status, job = posted(
        client, task="loop", request={"prompts": ["piano"]}, inputs={"theme": theme}
    )
    assert status == 202, job


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["piano", "clip:aaaaaaaaaaaa", "a.wav", "2:4", "peak", "/dev/zero"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["bar", "prompt", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "n_bodies", [40, pytest.param(1_000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_value_of_any_field_is_a_server_error(client: TestClient, n_bodies: int) -> None:
    few = settings(max_examples=n_bodies, deadline=None, derandomize=True, database=None)
    few(given(data=st.data())(lambda data: post_anything(client, data)))()


def post_anything(client: TestClient, data: st.DataObject) -> None:
    task = data.draw(st.sampled_from(list(server_tasks().values())))
    names = [one.name for one in fields(task.request)]
    request = data.draw(st.dictionaries(st.sampled_from(names), ANY, max_size=4))
    inputs = data.draw(
        st.dictionaries(st.sampled_from([one.name for one in task.inputs]), ANY, max_size=2)
    )
    body = json.dumps({"task": task.name, "request": request, "inputs": inputs})
    kind = {"Content-Type": "application/json"}
    answer = client.post("/api/jobs", content=body, headers=kind)
    assert answer.status_code in (202, 400, 422), answer.text


def test_words_complete_what_is_typed(client: TestClient) -> None:
    words = client.get("/api/words", params={"q": "pia"}).json()
    assert words["instruments"][0].startswith("pia")
    assert set(words) == {"styles", "instruments", "moods"}


def test_models_are_those_at_hand(client: TestClient, tmp_path: Path) -> None:
    shown = client.get("/api/models").json()
    assert shown["current"] == "mini"
    assert "mini" in [model["name"] for model in shown["models"]]
    assert "model: 'maxi' is unknown" in refused(
        client, "generate", {"prompt": "piano"}, model="maxi"
    )
