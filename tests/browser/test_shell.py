"""What all views share: tabs, keys, messages, sign-in, the connection, small windows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import serving
from tests.server.running import ROOT

pytestmark = pytest.mark.browser

VIEWS = ["make", "paint", "notes", "story", "station", "library"]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGE = ROOT / "riffkit" / "server" / "page"
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def clip(studio: Any) -> dict[str, Any]:
    return studio.made("generate", {"prompt": "dub bass", "bpm": 240, "steps": 2, "loop": True})[0]


def test_tabs_by_mouse_by_address_and_by_history(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    for name in VIEWS:
        page.get_by_test_id(f"tab-{name}").click()
        expect(page.locator(f"section.view.{name}")).to_have_js_property("hidden", False)
        expect(page.get_by_test_id(f"tab-{name}")).to_have_attribute("aria-current", "page")
        assert f"#{name}" in page.url
    page.go_back()
    expect(page.locator("section.view.station")).to_have_js_property("hidden", False)
    page.goto(f"{studio.url}/#notes")
    expect(page.locator("section.view.notes")).to_have_js_property("hidden", False)


def test_the_keyboard_reaches_everything_from_the_top(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the view")).to_be_focused()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached[:6] == ["Make", "Paint", "Notes", "Story", "Loop station", "Library"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is seen"


def test_a_question_mark_lists_the_keys(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    page.keyboard.press("?")
    expect(page.get_by_test_id("keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("keys")).to_be_hidden()
    page.get_by_test_id("field-prompt").press("?")
    expect(page.get_by_test_id("keys")).to_be_hidden()


@pytest.mark.view(width=360, height=740)
def test_nothing_is_wider_than_a_phone(page: Page, studio: Any, clip: dict[str, Any]) -> None:
    for name in VIEWS:
        page.goto(f"{studio.url}/#{name}/{clip['id']}")
        page.reload()
        expect(page.locator(f"section.view.{name}")).to_have_js_property("hidden", False)
        expect(page.get_by_test_id("chosen")).to_have_text(clip["title"])
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        for control in ("play", "loop", "position", "volume"):
            expect(page.get_by_test_id(control)).to_be_in_viewport()
    page.evaluate(
        "document.querySelector('.transport .seconds').textContent = '100.00 s / 112.00 s'"
    )
    bar = page.locator(".transport").bounding_box()
    for part in page.locator(".transport button:visible, .transport input").all():
        box = part.bounding_box()
        assert bar and box and bar["y"] <= box["y"]
        assert box["y"] + box["height"] <= bar["y"] + bar["height"]


def test_a_lost_connection_is_said_and_comes_back(
    page: Page, studio: Any, clip: dict[str, Any]
) -> None:
    page.goto(f"{studio.url}/#make/{clip['id']}")
    status = page.get_by_test_id("status")
    expect(status).to_have_attribute("data-state", "ok")
    page.context.set_offline(True)
    expect(status).to_contain_text("No connection")
    expect(page.get_by_test_id("chosen")).to_have_text(clip["title"])
    page.context.set_offline(False)
    expect(status).to_have_attribute("data-state", "ok")


def test_the_token_is_asked_for_once(chromium: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "--token", "open sesame") as studio:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(studio.url)
        page.get_by_test_id("token").fill("guess")
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("dialog [role=alert]")).to_contain_text("token")
        page.get_by_test_id("token").fill("open sesame")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_test_id("status")).to_have_text(re.compile("mini is ready"))
        expect(page.get_by_test_id("field-prompt")).to_be_visible()
        page.reload()
        expect(page.get_by_test_id("field-prompt")).to_be_visible()
        expect(page.get_by_test_id("token")).to_have_count(0)
        context.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(
    chromium: Browser, studio: Any, clip: dict[str, Any], scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core isn't installed: cd web && npm ci")
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    found = []
    for name in VIEWS:
        page.goto(f"{studio.url}/#{name}/{clip['id']}")
        page.reload()
        expect(page.get_by_test_id("chosen")).to_have_text(clip["title"])
        page.wait_for_timeout(500)
        page.evaluate(AXE.read_text())
        result = page.evaluate("axe.run()")
        found += [
            (name, one["id"], one["nodes"][0]["html"][:120])
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    context.close()
    assert found == []


def test_the_page_is_light() -> None:
    import gzip

    files = [path for path in PAGE.rglob("*") if path.is_file()]
    weight = sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert 10_000 < weight <= MOST_BYTES, f"{weight} bytes, gzipped"
