"""A studio with the bundled model, and pages of it in Debian's Chromium.

`RIFFKIT_SCREENSHOTS=FOLDER` keeps a picture of how each test leaves its page.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.server.running import Running, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
READY_SECONDS = 120
# what the tests provoke on purpose: refused values, lost connections, wrong tokens
EXPECTED = ("Failed to load resource", "net::ERR_INTERNET_DISCONNECTED")

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]


def pytest_report_header() -> str | None:
    if find_spec("playwright") is None:
        return "browser tests are left out: pip install playwright"
    return None if CHROMIUM else "browser tests are skipped: apt-get install chromium"


@dataclass(frozen=True)
class Studio:
    """A running server; `client` talks to its API."""

    url: str
    client: httpx.Client

    def made(
        self,
        task: str,
        request: dict[str, Any],
        inputs: dict[str, str] | None = None,
        count: int = 1,
    ) -> list[dict[str, Any]]:
        """The clips of a job, once it is done."""
        sent = {"task": task, "request": request, "inputs": inputs or {}, "count": count}
        answer = self.client.post("/api/jobs", json=sent)
        assert answer.status_code == 202, answer.text
        job = answer.json()
        while job["state"] in ("queued", "running"):
            time.sleep(0.1)
            job = self.client.get(f"/api/jobs/{job['id']}").json()
        assert job["state"] == "done", job["error"]
        return job["clips"]


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio on a free port; its model is ready."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with serving(tmp_path_factory.mktemp("studio")) as running:
        yield running


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Studio]:
    """A server of its own for some tests: `with serving(folder, "--token", "x") as studio`."""
    server = Running(folder / "data", options)
    server.start()
    try:
        until(lambda: server.client.get("/health").json()["status"] != "loading", READY_SECONDS)
        yield Studio(str(server.client.base_url).rstrip("/"), server.client)
    finally:
        server.terminate()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of 1280 × 800 in dark colors, or as the test is marked: `view(width=390, …)`.

    No script of it may fail, and none of its requests may leave the studio.
    """
    marker = request.node.get_closest_marker("view")
    wanted = {"width": 1280, "height": 800, "scheme": "dark", **(marker.kwargs if marker else {})}
    context = chromium.new_context(
        viewport={"width": wanted["width"], "height": wanted["height"]},
        color_scheme=wanted["scheme"],
        has_touch=wanted["width"] < 600,
        locale="en-US",
    )
    context.set_default_timeout(20_000)
    errors: list[str] = []
    asked: list[str] = []
    opened = _watched(context, errors, asked)
    yield opened
    folder = os.environ.get("RIFFKIT_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=str(Path(folder) / f"{request.node.name}.png"))
    context.close()
    assert errors == []
    away = [url for url in asked if not url.startswith((studio.url, "data:", "blob:"))]
    assert away == []


def _watched(context: BrowserContext, errors: list[str], asked: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda sent: asked.append(sent.url))
    page.on(
        "console",
        lambda said: (
            errors.append(said.text)
            if said.type == "error" and not any(part in said.text for part in EXPECTED)
            else None
        ),
    )
    return page
