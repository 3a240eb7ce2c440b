"""Make: words in, candidates out, compared on the downbeat; by keyboard and by mouse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

FEW_STEPS = "2"


def ask(page: Page, prompt: str, *, bpm: str = "240", count: str = "4") -> None:
    """Fill the form in for short clips, and send it by the keyboard."""
    page.get_by_test_id("field-prompt").fill(prompt)
    page.get_by_test_id("field-bpm").fill(bpm)
    page.get_by_test_id("count").fill(count)
    more = page.get_by_test_id("more-options")
    if more.get_attribute("open") is None:
        more.locator("summary").click()
    page.get_by_test_id("field-steps").fill(FEW_STEPS)
    page.get_by_test_id("field-prompt").press("Control+Enter")


def ready(page: Page, count: int) -> None:
    tiles = page.locator('[data-testid=candidates] [data-state="ready"]')
    expect(tiles).to_have_count(count, timeout=90_000)


def sounding(page: Page) -> int | None:
    """The number of the clip that sounds, from 1."""
    index = page.evaluate(
        "riffkit.app.engine.playing.get() ? riffkit.app.engine.run.get().clip.index : null"
    )
    return None if index is None else index + 1


def test_the_first_screen_says_what_to_do(page: Page, studio: Any) -> None:
    page.route("**/api/jobs?*", lambda route: route.fulfill(json={"jobs": []}))
    page.route("**/api/clips?*", lambda route: route.fulfill(json={"clips": [], "more": False}))
    page.goto(studio.url)
    expect(page.get_by_test_id("status")).to_have_text(re.compile("mini is ready"))
    expect(page.get_by_text("Type what you want to hear, then press Make")).to_be_visible()
    expect(page.get_by_test_id("make")).to_be_visible()
    expect(page.get_by_role("switch", name="Loop", exact=True)).to_be_checked()


def test_candidates_are_painted_compared_kept_and_discarded(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    ask(page, "techno with a deep kick")
    expect(page.locator('[data-state="painting"]')).to_have_count(1)
    expect(page.get_by_test_id("job-state")).to_contain_text("Painting")
    # the first sounds by itself, the keys choose among those that are there
    sounds = page.locator("[data-testid=candidates] [data-sounding]")
    expect(sounds).to_have_count(1, timeout=60_000)
    ready(page, 4)
    assert sounding(page) == 1
    # the other one sounds from a bar line on, where the first would have been
    page.evaluate(
        """() => {
          const {engine} = riffkit.app;
          window.switched = new Promise((resolve) => {
            engine.run.on(() => resolve(engine.position()));
          });
        }"""
    )
    page.keyboard.press("3")
    moment = page.evaluate("() => window.switched")
    assert sounding(page) == 3
    assert min(moment % 1, 1 - moment % 1) < 0.1, "a bar at 240 BPM takes a second"
    expect(page.get_by_test_id("candidate-3")).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("k")
    expect(page.get_by_test_id("keep-3")).to_have_attribute("aria-pressed", "true")
    job = studio.client.get("/api/jobs?limit=1").json()["jobs"][0]
    assert [clip["kept"] for clip in job["clips"]] == [False, False, True, False]

    page.get_by_test_id("discard-2").click()
    expect(page.get_by_text("Discarded", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    ready(page, 4)
    second = job["clips"][1]["id"]
    page.get_by_test_id("discard-2").click()
    expect(page.get_by_test_id("message")).to_have_count(0, timeout=10_000)
    page.wait_for_timeout(500)
    assert studio.client.get(f"/api/clips/{second}").status_code == 404
    assert studio.client.get(f"/api/clips/{job['clips'][0]['id']}").status_code == 200


def test_a_click_plays_a_candidate_and_varies_it(page: Page, studio: Any) -> None:
    request = {"prompt": "ambient pad", "bpm": 240, "steps": 2, "loop": True}
    first = studio.made("generate", request, count=2)
    page.goto(f"{studio.url}/#make/{first[1]['id']}")
    expect(page.get_by_test_id("chosen")).to_have_text(first[1]["title"])
    page.get_by_test_id("candidate-1").click()
    expect(page.locator("[data-testid=candidates] [data-sounding]")).to_have_count(1)
    assert sounding(page) == 1
    page.get_by_test_id("vary-1").click()
    expect(page.locator("[data-testid=candidates] > li")).to_have_count(4)
    job = studio.client.get("/api/jobs?limit=1").json()["jobs"][0]
    assert (job["task"], job["inputs"]) == ("vary", {"clip": f"clip:{first[0]['id']}"})
    asked: list[Route] = []
    page.route(
        "**/api/jobs/*",
        lambda route: asked.append(route) if route.request.method == "DELETE" else route.fallback(),
    )
    page.get_by_test_id("cancel").click()
    state = page.get_by_test_id("job-state")
    expect(state).to_have_text("Cancelling…")  # though the server hasn't answered yet
    asked[0].continue_()
    expect(state).to_contain_text("Cancelled", timeout=60_000)  # before its first step it can't
    expect(page.get_by_test_id("retry")).to_be_visible()


def test_all_options_of_all_tasks_are_there(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    tasks = studio.client.get("/api/tasks").json()["tasks"]
    for task in tasks:
        if task["name"] in ("story", "import"):
            continue
        page.get_by_test_id("task").select_option(task["name"])
        for field in task["fields"]:
            control = page.get_by_test_id(f"field-{field['name']}")
            expect(control, task["name"]).to_have_count(1)
            described = control.get_attribute("aria-describedby")
            assert described is not None
            help_text = page.locator(f"#{described.split()[0]}").text_content()
            assert field["help"] in (help_text or ""), field
        for name in (one["name"] for one in task["inputs"]):
            expect(page.get_by_test_id(f"input-{name}"), task["name"]).to_have_count(1)


def test_a_wrong_value_is_said_at_its_field(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    ask(page, "a waltz", bpm="900", count="1")
    wrong = page.locator('[data-field="bpm"] .wrong')
    expect(wrong).to_contain_text("bpm=900")
    expect(page.get_by_test_id("field-bpm")).to_be_focused()
    page.get_by_test_id("field-bpm").fill("90")
    expect(wrong).to_be_empty()
    page.get_by_test_id("field-prompt").fill("")
    page.get_by_test_id("make").click()
    expect(page.locator('[data-field="prompt"] .wrong')).to_contain_text("This is needed")
    expect(page.get_by_test_id("field-prompt")).to_be_focused()


def test_a_reload_brings_back_form_jobs_and_clip(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    ask(page, "a marching band", count="2")
    expect(page.locator('[data-state="painting"]')).to_have_count(1)
    page.reload()
    expect(page.get_by_test_id("field-prompt")).to_have_value("a marching band")
    expect(page.get_by_test_id("job-title")).to_have_text("a marching band")
    ready(page, 2)
    page.get_by_test_id("candidate-2").click()
    chosen = page.evaluate("riffkit.app.selected.get().id")
    assert page.url.endswith(f"#make/{chosen}")
    page.reload()
    expect(page.get_by_test_id("chosen")).to_have_text("a marching band")
    assert page.evaluate("riffkit.app.selected.get().id") == chosen


def test_settings_of_a_clip_are_taken_over(page: Page, studio: Any) -> None:
    request = {"prompt": "reggae organ", "bpm": 200, "steps": 2, "seed": 5, "guidance": 4.5}
    clip = studio.made("generate", request)[0]
    page.goto(f"{studio.url}/#make/{clip['id']}")
    page.locator("[data-testid=candidates] [data-testid=clip-menu]").click()
    page.get_by_test_id("use-settings").click()
    expect(page.get_by_test_id("field-prompt")).to_have_value("reggae organ")
    expect(page.get_by_test_id("field-guidance")).to_have_value("4.5")
    expect(page.get_by_test_id("field-seed")).to_have_value("5")
    expect(page.get_by_role("switch", name="Loop", exact=True)).not_to_be_checked()


def test_words_are_offered_and_taken(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    prompt = page.get_by_test_id("field-prompt")
    prompt.press_sequentially("jazz with vib")
    page.locator(".words .chip", has_text="vibraphone").first.click()
    expect(prompt).to_have_value("jazz with vibraphone")
    expect(prompt).to_be_focused()
