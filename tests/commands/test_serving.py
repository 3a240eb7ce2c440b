"""`riff serve` and `riff studio`: their options, and what is said where they can't run."""

from __future__ import annotations

import threading
from importlib import util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from riffkit.commands import serving
from riffkit.errors import ModelError, ParameterError
from riffkit.server.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, bool]]:
    """The servers that commands start, without starting them."""
    found: list[tuple[Settings, bool]] = []

    def run_server(settings: Settings, *, browser: bool = False) -> None:
        found.append((settings, browser))

    monkeypatch.setattr(serving, "run_server", run_server)
    return found


def riff(*words: str) -> None:
    done = CliRunner().invoke(cli.application(), list(words))
    if done.exception is not None:
        raise done.exception


def test_options_are_the_servers_settings(
    started: list[tuple[Settings, bool]], tmp_path: Path
) -> None:
    riff(
        "serve", "--data", str(tmp_path), "--port", "8111", "--device", "cpu", "--dtype", "float32"
    )
    riff("studio")
    riff("studio", "--no-browser", "--host", "0.0.0.0", "--token", "a-long-secret")
    (first, _), (second, _), (third, _) = started
    assert (first.data, first.port, first.device, first.dtype) == (tmp_path, 8111, "cpu", "float32")
    assert (second.data, second.host, second.model) == (Path("~/riffkit"), "127.0.0.1", "mini")
    assert third.token == "a-long-secret"
    assert [browser for _, browser in started] == [False, True, False]


def test_without_the_extra_it_says_what_to_install(
    started: list[tuple[Settings, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        return None if name == "uvicorn" else util.find_spec(name)

    monkeypatch.setattr(serving, "find_spec", missing)
    with pytest.raises(ParameterError, match=r"pip install 'riffkit\[studio\]'"):
        riff("studio")
    assert started == []


def test_a_model_that_is_missing_is_told_before_it_listens(
    started: list[tuple[Settings, bool]],
) -> None:
    with pytest.raises(ModelError, match="model='nope': no such folder"):
        riff("serve", "--model", "nope")
    assert started == []


@pytest.mark.parametrize(
    ("host", "opened"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("127.0.0.1", "127.0.0.1")]
)
def test_the_page_is_opened_where_it_answers(host: str, opened: str, tmp_path: Path) -> None:
    """No browser of Windows opens 0.0.0.0."""
    settings = Settings(data=tmp_path, host=host, port=8111, token="a-long-secret")
    assert settings.address == f"http://{opened}:8111"


def test_a_server_that_does_not_start_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No thread waits to open the page."""

    class Failing:
        is_answering = threading.Event()

        def __init__(self, app: object) -> None:
            pass

        def run(self, sockets: object) -> None:
            raise SystemExit(3)

    app = SimpleNamespace(state=SimpleNamespace(folder=SimpleNamespace(clips=tmp_path)))
    monkeypatch.setattr("riffkit.server.app.create_app", lambda settings: app)
    monkeypatch.setattr("riffkit.server.listening.Server", Failing)
    before = set(threading.enumerate())
    with pytest.raises(SystemExit):
        serving.run_server(Settings(data=tmp_path, port=0), browser=True)
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
