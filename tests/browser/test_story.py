"""Story: keyframes on a timeline, by mouse and by keyboard, and its script out and in again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from riffkit.music.script import read_script

pytestmark = pytest.mark.browser

AXIS = 64  # CSS pixels left of the first bar


@pytest.fixture
def story(page: Page, studio: Any) -> Page:
    page.goto(f"{studio.url}/#story")
    whole = page.locator(".story .whole")
    fill(whole, "bars", "8")
    return page


def fill(form: Locator, name: str, value: str) -> None:
    field = form.get_by_test_id(f"field-{name}")
    if not field.is_visible():
        form.locator("details > summary").click()
    field.fill(value)
    field.press("Tab")


def at(page: Page, bar: float, bars: int = 8) -> tuple[float, float]:
    """Where a bar, 0 the first, lies on the timeline."""
    box = page.get_by_test_id("timeline").bounding_box()
    assert box is not None
    return box["x"] + AXIS + bar / bars * (box["width"] - AXIS), box["y"] + 20


def saved(page: Page) -> dict[str, Any]:
    """The story's script, as riffkit reads it."""
    with page.expect_download() as downloading:
        page.get_by_test_id("script-save").click()
    return read_script(Path(downloading.value.path()))


def frames(page: Page) -> list[tuple[float, str]]:
    return [(frame["bar"], frame["prompt"]) for frame in saved(page)["keyframes"]]


def test_keyframes_are_added_moved_and_taken_back_by_mouse(story: Page) -> None:
    story.get_by_test_id("keyframe-0").click()
    story.locator(".keyframe").get_by_test_id("field-prompt").fill("ambient pad")
    story.mouse.click(*at(story, 4.2))
    expect(story.locator(".keyframe").get_by_test_id("field-prompt")).to_be_focused()
    story.keyboard.type("house piano")
    assert frames(story) == [(0, "ambient pad"), (4, "house piano")]

    def drag(to: float, *keys: str) -> None:
        story.mouse.move(*(sum(pair) for pair in zip(at(story, 4), (9, 0), strict=True)))
        story.mouse.down()
        for key in keys:
            story.keyboard.down(key)
        x, y = at(story, to)
        story.mouse.move(x + 9, y, steps=5)
        story.mouse.up()
        for key in keys:
            story.keyboard.up(key)

    drag(6.3)
    assert frames(story)[1] == (6, "house piano")
    story.get_by_test_id("story-undo").click()
    assert frames(story)[1] == (4, "house piano")
    drag(0)  # where another one stands
    assert frames(story)[1][0] == 1
    story.keyboard.press("Control+z")
    drag(5.27, "Alt")
    assert frames(story)[1][0] == 5.25


def test_a_story_is_written_by_keyboard_made_and_opened_again(
    story: Page, studio: Any, tmp_path: Path
) -> None:
    whole, panel = story.locator(".story .whole"), story.locator(".keyframe")
    story.get_by_test_id("keyframe-0").focus()
    story.keyboard.press("Enter")
    story.keyboard.type('ambient "pad"')
    story.get_by_test_id("keyframe-add").press("Enter")
    story.keyboard.type("house piano")
    story.get_by_test_id("keyframe-1").focus()
    for key in ("ArrowLeft", "ArrowLeft", "Alt+ArrowRight"):
        story.keyboard.press(key)
    story.get_by_test_id("keyframe-1").press("Enter")
    fill(panel, "negative_prompt", "guitar")
    fill(panel, "seed", "7")
    fill(whole, "bars", "4")
    fill(whole, "bpm", "140")
    fill(whole, "steps", "4")
    story.get_by_test_id("theme").select_option("house")
    script = saved(story)
    assert script["theme"] == "house" and (script["bars"], script["bpm"]) == (4, 140)
    assert script["keyframes"] == [
        {"bar": 0, "prompt": 'ambient "pad"'},
        {"bar": 2.25, "prompt": "house piano", "negative_prompt": "guitar", "seed": 7},
    ]

    with story.expect_download() as downloading:
        story.get_by_test_id("script-save").click()
    text = Path(downloading.value.path()).read_text()
    (tmp_path / "mine.toml").write_text(text)
    story.get_by_test_id("story-run").press("Enter")
    status = story.get_by_test_id("story-status")
    expect(status).to_contain_text("because of the negative prompt 'guitar'", timeout=90_000)
    made = story.evaluate("() => riffkit.app.selected.get()")
    assert made["task"] == "story" and made["bars"] == 4

    story.reload()
    story.get_by_test_id("script-file").set_input_files(tmp_path / "mine.toml")
    expect(story.get_by_test_id("keyframe-1")).to_have_text("house piano")
    with story.expect_download() as downloading:
        story.get_by_test_id("script-save").click()
    assert Path(downloading.value.path()).read_text() == text
    (tmp_path / "wrong.toml").write_text("bars = 2\n[[keyframe]]\nbar = 0\n")
    story.get_by_test_id("script-file").set_input_files(tmp_path / "wrong.toml")
    expect(story.get_by_test_id("story-problem")).to_contain_text("must have a bar and a prompt")


def test_a_story_survives_a_reload(story: Page, studio: Any) -> None:
    panel = story.locator(".keyframe")
    story.get_by_test_id("keyframe-0").click()
    panel.get_by_test_id("field-prompt").fill("ambient pad")
    story.get_by_test_id("keyframe-add").click()
    story.keyboard.type("house piano")
    fill(story.locator(".story .whole"), "bpm", "93")
    before = saved(story)
    assert [frame["prompt"] for frame in before["keyframes"]] == ["ambient pad", "house piano"]
    story.reload()
    expect(story.get_by_test_id("keyframe-1")).to_be_visible()
    expect(story.locator(".story .whole").get_by_test_id("field-bpm")).to_have_value("93")
    assert saved(story) == before

    asked = {
        "keyframes": [{"bar": 0, "prompt": "choir"}, {"bar": 1, "prompt": "organ"}],
        "bars": 2,
        "steps": 4,
        "seed": 1,
    }
    clip = studio.made("story", asked)[0]["id"]
    story.evaluate("localStorage.clear()")
    story.goto("about:blank")
    story.goto(f"{studio.url}/#story/{clip}")
    expect(story.get_by_test_id("keyframe-1")).to_be_visible()
    assert frames(story) == [(0, "choir"), (1, "organ")]


def test_a_theme_is_kept_while_the_seeds_are_not_known_yet(story: Page, tmp_path: Path) -> None:
    held: list[Route] = []
    story.route("**/api/tasks", lambda route: held.append(route))
    story.reload()
    (tmp_path / "mine.toml").write_text(
        'bars = 4\ntheme = "house"\n[[keyframe]]\nbar = 0\nprompt = "pad"\n'
    )
    story.get_by_test_id("script-file").set_input_files(tmp_path / "mine.toml")
    expect(story.get_by_test_id("keyframe-0")).to_have_text("pad")
    assert saved(story)["theme"] == "house"
    expect(story.get_by_test_id("theme")).to_have_value("")
    for route in held:
        route.continue_()
    expect(story.get_by_test_id("theme")).to_have_value("house")


def test_a_length_typed_digit_by_digit_takes_no_keyframe_away(story: Page) -> None:
    story.get_by_test_id("keyframe-0").click()
    story.locator(".keyframe").get_by_test_id("field-prompt").fill("ambient pad")
    story.mouse.click(*at(story, 4.2))
    story.keyboard.type("house piano")
    bars = story.locator(".story .whole").get_by_test_id("field-bars")
    bars.focus()
    bars.press("Control+a")
    bars.press_sequentially("16")
    bars.press("Enter")
    assert saved(story)["bars"] == 16
    assert frames(story) == [(0, "ambient pad"), (4, "house piano")]
