"""Who may ask: hosts, origins, the token, and headers on every answer."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from riffkit.errors import ParameterError
from riffkit.server.access import COOKIE, KEY_FILE, Guesses, session_of
from riffkit.server.app import create_app
from riffkit.server.listening import listen
from riffkit.server.settings import Settings

TOKEN = "a-long-secret"


@contextmanager
def serving(settings: Settings, base_url: str = "http://127.0.0.1:8000") -> Iterator[TestClient]:
    app = create_app(settings)
    try:
        yield TestClient(app, base_url=base_url)
    finally:
        app.state.store.close()
        app.state.folder.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TestClient]:
    with serving(Settings(data=tmp_path)) as client:
        yield client


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path, host="0.0.0.0", token=TOKEN)
    with serving(settings, "http://studio.example:8000") as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_this_computers_names_are_answered(local: TestClient, host: str) -> None:
    assert local.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1:8001", "127.0.0.1", "", "localhost:8000.evil.example"]
)
def test_a_name_that_is_bound_to_this_computer_is_not(local: TestClient, host: str) -> None:
    answer = local.get("/health", headers={"Host": host})
    assert answer.status_code == 400
    assert "isn't this server's" in answer.json()["error"]


def test_pages_of_other_sites_are_refused(local: TestClient) -> None:
    body = {"task": "generate", "request": {"prompt": "x"}}
    foreign = {"Origin": "https://evil.example"}
    assert local.post("/api/jobs", json=body, headers=foreign).status_code == 403
    assert local.get("/api/jobs", headers={"Origin": "null"}).status_code == 403
    marked = {"Sec-Fetch-Site": "cross-site"}
    assert local.post("/api/jobs", json=body, headers=marked).status_code == 403
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert local.post("/api/jobs", json=body, headers=own).status_code == 202
    assert [job["title"] for job in local.get("/api/jobs").json()["jobs"]] == ["x"]


@pytest.mark.parametrize("path", ["/health", "/api/jobs", "/api/nothing", "/openapi.json"])
def test_every_answer_has_the_security_headers(local: TestClient, path: str) -> None:
    for headers in ({}, {"Host": "evil.example"}):
        answer = local.get(path, headers=headers)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in answer.headers


def test_a_token_is_needed_where_there_is_one(guarded: TestClient) -> None:
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/api/session").json() == {"token_needed": True, "signed_in": False}
    for path in ("/api/jobs", "/api/tasks", "/api/events", "/openapi.json"):
        assert guarded.get(path).status_code == 401, path
    assert guarded.post("/run_inference/", json={}).status_code == 401
    assert guarded.post("/v1/audio/speech", json={}).status_code == 401
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", TOKEN, "Basic x", "Bearer é"):
        given = {"Authorization": wrong.encode()}
        assert guarded.get("/api/jobs", headers=given).status_code == 401, wrong
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/jobs", headers=right).status_code == 200


def test_a_browser_signs_in_once(guarded: TestClient) -> None:
    wrong = guarded.post("/api/login", json={"token": "another-secret"})
    assert (wrong.status_code, wrong.cookies) == (401, {})
    answer = guarded.post("/api/login", json={"token": TOKEN})
    assert answer.status_code == 204
    cookie = answer.headers["Set-Cookie"]
    assert re.match(f"{COOKIE}=[0-9a-f]{{64}};", cookie)
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert guarded.get("/api/jobs").status_code == 200
    assert guarded.get("/api/session").json()["signed_in"] is True


def test_a_browser_stays_signed_in_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, token=TOKEN)
    with serving(settings) as client:
        assert client.post("/api/login", json={"token": TOKEN}).status_code == 204
        cookie = client.cookies[COOKIE]
    session_of.cache_clear()  # of a process that has ended
    with serving(settings) as client:
        for value, status in ((cookie, 200), (TOKEN, 401), (cookie[::-1], 401)):
            headers = {"Cookie": f"{COOKIE}={value}"}
            assert client.get("/api/jobs", headers=headers).status_code == status
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    (tmp_path / "other").mkdir()
    assert session_of(Settings(data=tmp_path / "other", token=TOKEN)) != cookie


def test_with_a_token_a_name_that_is_bound_to_this_computer_is_refused(tmp_path: Path) -> None:
    with serving(Settings(data=tmp_path, token=TOKEN)) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/jobs", headers=headers).status_code == 200
        evil = {**headers, "Host": "evil.example:8000"}
        assert client.get("/api/jobs", headers=evil).status_code == 400


def test_who_guesses_waits_and_who_knows_does_not(guarded: TestClient) -> None:
    guesses: Guesses = guarded.app.state.guesses  # type: ignore[attr-defined]
    wrong = {"Authorization": "Bearer wrong-token"}
    for n in range(5):
        if n % 2:
            assert guarded.get("/api/jobs", headers=wrong).status_code == 401
        else:
            assert guarded.post("/api/login", json={"token": "wrong"}).status_code == 401
    begin = time.monotonic()
    assert guarded.get("/api/jobs", headers=wrong).status_code == 401
    assert time.monotonic() - begin >= 0.5
    assert guesses.delay == 0.5
    for _ in range(50):
        asyncio.run(_guess(guesses))
    assert guesses.delay == 8
    begin = time.monotonic()
    assert guarded.post("/api/login", json={"token": TOKEN}).status_code == 204
    assert time.monotonic() - begin < 5


async def _guess(guesses: Guesses) -> None:
    """A guess whose answer nobody waits for."""
    waiting = asyncio.ensure_future(guesses.wait())
    await asyncio.sleep(0)
    waiting.cancel()


def test_an_error_that_nobody_thought_of_is_answered_too(
    local: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("not thought of")

    monkeypatch.setattr(type(local.app.state.store), "jobs", broken)  # type: ignore[attr-defined]
    answer = local.get("/api/jobs")
    assert (answer.status_code, list(answer.json())) == (500, ["error"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "not thought of" in caplog.text
    assert "not thought of" not in answer.text


def test_words_are_never_looked_for_among_the_servers_files(
    local: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is a file of that name or not, the answer is the same, and it is a prompt."""
    (tmp_path / "secret").write_bytes(b"RIFF" + bytes(40))
    for words in (str(tmp_path / "secret"), "~nosuchuser1 jazz", "a.wav"):
        request = {"first": words, "last": words, "frames": 2}
        opened: list[object] = []
        with monkeypatch.context() as patch:
            patch.setattr("riffkit.kinds._head", opened.append)
            answer = local.post("/api/jobs", json={"task": "morph", "request": request})
        assert answer.status_code == (422 if words == "a.wav" else 202), answer.text
        assert not opened


def test_a_port_is_shared_with_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """SO_EXCLUSIVEADDRUSE is Windows' alone; another option stands for it here."""
    with listen("127.0.0.1", 0) as own:
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    with listen("127.0.0.1", 0) as windows:
        assert windows.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not windows.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_a_server_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="set a `token`"):
        Settings(data=tmp_path, host="0.0.0.0")
    with pytest.raises(ParameterError, match="at least 8"):
        Settings(data=tmp_path, token="short")
    assert TOKEN not in repr(Settings(data=tmp_path, token=TOKEN))


def test_ids_are_never_paths(local: TestClient) -> None:
    for bad in ("..%2f..%2fetc", "A" * 12, "a" * 13, "%00", "../../../etc/passwd"):
        for path in (f"/api/jobs/{bad}", f"/api/jobs/{bad}/events"):
            answer = local.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]
