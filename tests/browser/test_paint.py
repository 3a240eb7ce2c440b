"""Paint: a part of a clip marked on its spectrogram, by mouse and by keyboard, and made anew."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from PIL import Image
from playwright.sync_api import Page, Route, expect

import riffkit
from tests.server.running import until

pytestmark = pytest.mark.browser

FADE_SECONDS = 0.031  # around what is regenerated, old and new sound pass into one another
AXIS, NARROW_AXIS, RULER = 64, 34, 26  # CSS pixels left of and above the plot


@pytest.fixture(scope="module")
def clip(studio: Any) -> dict[str, Any]:
    """Two bars of a band, which loop."""
    music = {"prompt": "funk band with drums", "bars": 2, "bpm": 120, "loop": True, "seed": 3}
    return studio.made("generate", {**music, "steps": 4, "quality": "preview"})[0]


@pytest.fixture
def paint(page: Page, studio: Any, clip: dict[str, Any]) -> Page:
    page.goto(f"{studio.url}/#paint/{clip['id']}")
    expect(page.get_by_test_id("select-to")).to_have_value("3")  # the axes are there
    return page


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the plot, from and to places in shares of its width and height."""
    x, y, width, height = plot(page)
    page.mouse.move(x + start[0] * width, y + start[1] * height)
    page.mouse.down()
    page.mouse.move(x + end[0] * width, y + end[1] * height, steps=4)
    page.mouse.up()


def plot(page: Page) -> tuple[float, float, float, float]:
    """Its left and upper edge, its width and height."""
    stage = page.locator(".paint .stage canvas.over").first
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    axis = AXIS if box["width"] >= 520 else NARROW_AXIS
    return box["x"] + axis, box["y"] + RULER, box["width"] - axis, box["height"] - RULER


def mask_of(page: Page) -> np.ndarray:
    """The mask as it is downloaded."""
    with page.expect_download() as downloading:
        page.get_by_test_id("mask-download").click()
    with Image.open(Path(downloading.value.path())) as picture:
        assert picture.mode == "L"
        return np.asarray(picture)


def edges(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The left, right, upper and lower end of what is white."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1


def regenerate(page: Page, prompt: str, **options: str) -> None:
    """Fill in the form, as few steps as can be, and wait for the first candidate."""
    form = page.locator(".paint form.edit")
    form.get_by_test_id("field-prompt").fill(prompt)
    if not form.get_by_test_id("field-steps").is_visible():
        form.locator("details > summary").click()
    form.get_by_test_id("field-steps").fill("4")
    form.get_by_test_id("field-quality").select_option("preview")
    for name, value in options.items():
        form.get_by_test_id(f"field-{name}").select_option(value)
    form.get_by_test_id("edit-count").fill("1")
    form.get_by_test_id("edit-run").click()
    expect(page.get_by_test_id("candidate-1")).to_have_attribute(
        "aria-pressed", "true", timeout=90_000
    )


def sound(studio: Any, clip: dict[str, Any]) -> np.ndarray:
    content = studio.client.get(f"/api/clips/{clip['id']}.wav").content
    return sf.read(io.BytesIO(content), dtype="int16")[0]


def pixels(studio: Any, clip: dict[str, Any]) -> np.ndarray:
    content = studio.client.get(f"/api/clips/{clip['id']}.png").content
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture)


def test_a_rectangle_is_made_anew_and_all_else_stays(
    paint: Page, studio: Any, clip: dict[str, Any], tmp_path: Path
) -> None:
    paint.get_by_test_id("tool-rectangle").click()
    drag(paint, (0.3, 0.2), (0.55, 0.6))
    mask = mask_of(paint)
    width, height = clip["image"]["width"], clip["image"]["height"]
    assert mask.shape == (height, width)
    left, right, top, bottom = edges(mask)
    wanted = (0.3 * width, 0.55 * width, 0.2 * height, 0.6 * height)
    assert np.abs(np.subtract((left, right, top, bottom), wanted)).max() <= 1.5
    assert (mask[top:bottom, left:right] == 255).all()
    assert mask.sum() == 255 * (right - left) * (bottom - top)

    regenerate(paint, "solo piano", keep_level="off")
    job = studio.client.get("/api/jobs").json()["jobs"][0]
    (made,) = job["clips"]
    before, after = sound(studio, clip), sound(studio, made)
    changed = np.flatnonzero((before != after).any(axis=1)) / clip["sample_rate"]
    column = clip["seconds"] / width
    assert left * column - FADE_SECONDS <= changed[0] <= left * column + FADE_SECONDS
    assert right * column - FADE_SECONDS <= changed[-1] <= right * column + FADE_SECONDS
    # in the image, not a pixel outside
    (tmp_path / "clip.wav").write_bytes(studio.client.get(f"/api/clips/{clip['id']}.wav").content)
    edited = riffkit.encode(tmp_path / "clip.wav", model="mini").pixels
    is_new = (pixels(studio, made) != edited).any(axis=-1)
    assert not is_new[mask == 0].any()
    assert is_new[mask == 255].mean() > 0.5


def test_brush_strokes_come_to_the_server_as_they_were_painted(
    paint: Page, studio: Any, clip: dict[str, Any]
) -> None:
    paint.keyboard.press("b")
    drag(paint, (0.6, 0.3), (0.7, 0.5))
    painted = mask_of(paint)
    regenerate(paint, "bells")
    job = studio.client.get("/api/jobs").json()["jobs"][0]
    mask, (made,) = job["inputs"]["mask"].removeprefix("upload:"), job["clips"]
    sent = studio.client.get(f"/api/uploads/{mask}.png").content
    with Image.open(io.BytesIO(sent)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), painted)
    left, right, *_ = edges(painted)
    changed = np.flatnonzero((sound(studio, clip) != sound(studio, made)).any(axis=1))
    seconds, column = changed / clip["sample_rate"], clip["seconds"] / clip["image"]["width"]
    assert left * column - FADE_SECONDS <= seconds[0]
    assert seconds[-1] <= right * column + FADE_SECONDS

    before = paint.locator(".paint .before")
    expect(before).to_be_hidden()
    paint.get_by_test_id("split").fill("50")
    expect(before).to_be_visible()
    shown = paint.get_by_test_id("mask-shown")
    paint.keyboard.press("m")
    expect(shown).to_have_attribute("aria-pressed", "false")
    paint.keyboard.press("m")
    expect(shown).to_have_attribute("aria-pressed", "true")
    np.testing.assert_array_equal(mask_of(paint), painted)


def test_what_is_painted_can_be_undone_inverted_saved_and_loaded(
    paint: Page, clip: dict[str, Any], tmp_path: Path
) -> None:
    paint.keyboard.press("b")
    drag(paint, (0.2, 0.3), (0.4, 0.3))
    brushed = mask_of(paint)
    soft = (brushed > 0) & (brushed < 255)
    assert 0 < soft.mean() < (brushed > 0).mean() < 0.2
    paint.keyboard.press("e")
    drag(paint, (0.3, 0.1), (0.3, 0.5))
    erased = mask_of(paint)
    assert (erased <= brushed).all() and (erased[:, int(0.3 * erased.shape[1])] == 0).all()
    paint.keyboard.press("i")
    np.testing.assert_array_equal(mask_of(paint), 255 - erased)
    said = paint.get_by_test_id("selection")
    for wanted in (erased, brushed, np.zeros_like(brushed)):
        expect(said).to_contain_text("Hz")
        paint.keyboard.press("Control+z")
        np.testing.assert_array_equal(mask_of(paint), wanted)
    expect(said).to_contain_text("Drag over the image")
    paint.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(mask_of(paint), brushed)

    levels = np.random.default_rng(0).integers(0, 256, brushed.shape, np.uint8)
    Image.fromarray(levels).save(tmp_path / "mask.png")
    paint.get_by_test_id("mask-load-file").set_input_files(tmp_path / "mask.png")
    paint.wait_for_timeout(300)
    np.testing.assert_array_equal(mask_of(paint), levels)
    Image.fromarray(levels[:, 1:]).save(tmp_path / "small.png")
    paint.get_by_test_id("mask-load-file").set_input_files(tmp_path / "small.png")
    width, height = clip["image"]["width"], clip["image"]["height"]
    refusal = (
        f"This mask is {width - 1} × {height} pixels, and the clip's image is {width} × {height}"
    )
    expect(paint.get_by_text(refusal)).to_be_visible()
    np.testing.assert_array_equal(mask_of(paint), levels)


def test_time_spans_snap_to_beats_and_alt_frees_them(paint: Page, clip: dict[str, Any]) -> None:
    beat = clip["image"]["width"] / clip["beats"]
    paint.keyboard.press("t")
    drag(paint, (0.27, 0.5), (0.6, 0.5))
    expect(paint.get_by_test_id("selection")).to_contain_text("1.3.00 to 2.2.00")
    left, right, top, bottom = edges(mask_of(paint))
    assert (left, right, top, bottom) == (2 * beat, 5 * beat, 0, clip["image"]["height"])
    paint.get_by_test_id("clear").click()
    paint.keyboard.down("Alt")
    drag(paint, (0.27, 0.5), (0.6, 0.5))
    paint.keyboard.up("Alt")
    left, right, *_ = edges(mask_of(paint))
    assert abs(left - 0.27 * 8 * beat) <= 1.5 and abs(right - 0.6 * 8 * beat) <= 1.5
    paint.keyboard.press("f")
    paint.get_by_test_id("clear").click()
    drag(paint, (0.5, 0.25), (0.5, 0.5))
    left, right, *_ = edges(mask_of(paint))
    assert (left, right) == (0, clip["image"]["width"])


@pytest.mark.view(width=390, height=844, scheme="light")
def test_a_finger_marks_beats_and_does_not_scroll(paint: Page, clip: dict[str, Any]) -> None:
    x, y, width, height = plot(paint)
    scrolled = paint.evaluate("() => scrollY")
    finger = paint.context.new_cdp_session(paint)
    for kind, share in (("touchStart", 0.27), ("touchMove", 0.4), ("touchMove", 0.6)):
        point = {"x": x + share * width, "y": y + share * height}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    beat = clip["image"]["width"] / clip["beats"]
    assert edges(mask_of(paint))[:2] == (2 * beat, 5 * beat)
    assert paint.evaluate("() => scrollY") == scrolled


def test_by_keyboard_alone_a_part_is_made_compared_kept_and_taken_back(
    paint: Page, studio: Any, clip: dict[str, Any]
) -> None:
    paint.get_by_test_id("numbers").locator("summary").focus()
    paint.keyboard.press("Enter")
    for name, value in (("from", "2"), ("to", "2.5"), ("low", "200"), ("high", "4000")):
        paint.keyboard.press("Tab")
        if name == "low":
            paint.keyboard.press("Tab")  # over the unit
        expect(paint.get_by_test_id(f"select-{name}")).to_be_focused()
        paint.keyboard.press("Control+a")
        paint.keyboard.type(value)
    paint.keyboard.press("Enter")
    left, right, *_ = edges(mask_of(paint))
    assert (left, right) == (256, 384)

    regenerate(paint, "solo piano")
    job = studio.client.get("/api/jobs").json()["jobs"][0]
    assert job["request"]["time"] == pytest.approx([2, 3]) and "mask" not in job["inputs"]
    made = job["clips"][0]["id"]
    paint.locator(".paint .stage").click(position={"x": 5, "y": 5})  # out of the fields
    paint.keyboard.press("Space")
    paint.wait_for_function("() => riffkit.app.engine.playing.get()")
    heard = (
        "id => riffkit.app.engine.run.get()?.clip?.id === id && riffkit.app.engine.playing.get()"
    )
    paint.wait_for_function(heard, arg=made)
    paint.keyboard.press("c")
    paint.wait_for_function(heard, arg=clip["id"])
    paint.keyboard.press("c")
    paint.wait_for_function(heard, arg=made)
    paint.keyboard.press("Space")

    paint.get_by_test_id("keep").focus()
    paint.keyboard.press("Enter")
    expect(paint.get_by_test_id("history-1")).to_have_attribute("aria-current", "true")
    assert paint.evaluate("() => riffkit.app.selected.get().id") == made
    until(lambda: studio.client.get(f"/api/clips/{made}").json()["kept"])
    assert edges(mask_of(paint))[:2] == (256, 384)  # the mask stays
    paint.get_by_test_id("history").click()
    paint.keyboard.press("Control+z")
    expect(paint.get_by_test_id("history-0")).to_have_attribute("aria-current", "true")
    assert paint.evaluate("() => riffkit.app.selected.get().id") == clip["id"]
    expect(paint.get_by_test_id("chosen")).to_have_text(clip["title"])
    until(lambda: not studio.client.get(f"/api/clips/{made}").json()["kept"])


def test_an_edit_of_nothing_says_what_to_do(paint: Page) -> None:
    paint.get_by_test_id("edit-run").click()
    expect(paint.get_by_test_id("edit-problem")).to_contain_text("Nothing is marked")


def test_an_edit_waits_for_what_it_needs(page: Page, studio: Any, clip: dict[str, Any]) -> None:
    tasks: list[Route] = []
    axes: list[Route] = []
    page.route("**/tasks", lambda route: tasks.append(route))
    pressed: list[bool] = []
    page.route("**/axes", lambda route: route.continue_() if pressed else axes.append(route))
    page.goto(f"{studio.url}/#paint/{clip['id']}")
    expect(page.get_by_test_id("edit-run")).to_be_disabled()
    while not tasks:
        page.wait_for_timeout(50)
    for route in tasks:
        route.continue_()
    expect(page.get_by_test_id("edit-run")).to_be_enabled()
    assert axes
    pressed.append(True)
    page.get_by_test_id("edit-run").click()
    expect(page.get_by_test_id("edit-problem")).to_contain_text("Nothing is marked")
    for route in axes:
        route.continue_()


def test_dropped_files_are_opened_laid_on_as_masks_or_refused(
    paint: Page, studio: Any, clip: dict[str, Any], tmp_path: Path
) -> None:
    drop(paint, f"api/clips/{clip['id']}.wav", "my song.wav")
    panel = paint.get_by_test_id("drop-panel")
    expect(panel).to_contain_text("A sound of 4.00 s")
    expect(panel.get_by_test_id("drop-import-file")).to_be_checked()
    for choice in ("restyle-clip", "extend-clip", "morph-first", "vary-clip", "generate-melody"):
        expect(panel.get_by_test_id(f"drop-{choice}")).to_be_visible()
    panel.get_by_test_id("drop-start").click()
    expect(panel).to_be_hidden(timeout=60_000)
    selected = paint.evaluate("() => riffkit.app.selected.get()")
    assert selected["id"] != clip["id"] and "my song" in selected["title"]

    painted = np.zeros((clip["image"]["height"], clip["image"]["width"]), np.uint8)
    painted[10:20, 30:50] = 255
    Image.fromarray(painted).save(tmp_path / "painted.png")
    paint.route("**/painted.png", lambda route: route.fulfill(path=tmp_path / "painted.png"))
    drop(paint, "painted.png", "painted.png")
    paint.wait_for_timeout(300)
    np.testing.assert_array_equal(mask_of(paint), painted)

    drop(paint, "api/tasks", "notes.wav")
    problem = paint.get_by_test_id("drop-problem")
    expect(problem).to_contain_text("notes.wav")
    answer = studio.client.post("/api/uploads", files={"file": ("notes.wav", b"{}")})
    assert problem.inner_text().split(":")[0] == answer.json()["error"].split(":")[0]
    paint.keyboard.press("Escape")
    expect(paint.get_by_test_id("drop-panel")).to_be_hidden()


def drop(page: Page, url: str, name: str) -> None:
    """Drop what a URL answers, as a file of that name."""
    page.evaluate(
        """async ([url, name]) => {
          const transfer = new DataTransfer();
          const blob = await (await fetch(url)).blob();
          transfer.items.add(new File([blob], name, { type: blob.type }));
          const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("dragover", how));
          document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        [url, name],
    )


def test_what_is_marked_and_written_survives_a_reload(paint: Page) -> None:
    drag(paint, (0.25, 0.3), (0.5, 0.6))
    paint.get_by_test_id("tool-brush").click()
    drag(paint, (0.7, 0.5), (0.8, 0.5))
    before = mask_of(paint)
    assert ((before > 0) & (before < 255)).any()  # the brush's soft edge
    form = paint.locator(".paint form.edit")
    form.get_by_test_id("field-prompt").fill("a choir")
    form.get_by_test_id("edit-count").fill("3")
    paint.reload()
    expect(paint.get_by_test_id("select-to")).not_to_have_value("")
    np.testing.assert_array_equal(mask_of(paint), before)
    expect(form.get_by_test_id("field-prompt")).to_have_value("a choir")
    expect(form.get_by_test_id("edit-count")).to_have_value("3")
    paint.get_by_test_id("clear").click()
    paint.reload()
    expect(paint.get_by_test_id("select-to")).to_have_value("3")
    assert not mask_of(paint).any()
