"""The library: search, keep, discard with undo, download."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clips(studio: Any) -> dict[str, dict[str, Any]]:
    """Two clips of other words and tempi."""
    made = {}
    for prompt, bpm in [("harpsichord fugue", 222), ("sludge metal riff", 233)]:
        made[prompt] = studio.made("generate", {"prompt": prompt, "bpm": bpm, "steps": 2})[0]
    return made


@pytest.fixture
def library(page: Page, studio: Any, clips: dict[str, dict[str, Any]]) -> Page:
    page.goto(f"{studio.url}/#library")
    expect(page.get_by_test_id("card").first).to_be_visible()
    return page


def test_clips_are_found_by_words_tempo_and_keeping(library: Page) -> None:
    cards = library.get_by_test_id("card")
    library.get_by_test_id("search").fill("harpsichord")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("222 BPM")
    library.get_by_test_id("search").fill("")
    library.get_by_test_id("bpm-from").fill("230")
    library.get_by_test_id("bpm-to").fill("235")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("233 BPM")
    cards.get_by_test_id("keep").click()
    expect(cards.get_by_test_id("keep")).to_have_attribute("aria-pressed", "true")
    library.get_by_test_id("bpm-from").fill("")
    library.get_by_test_id("bpm-to").fill("")
    library.get_by_test_id("find-kept").check()
    expect(cards.filter(has_text="233 BPM")).to_have_count(1)
    expect(cards.filter(has_text="222 BPM")).to_have_count(0)
    library.get_by_test_id("search").fill("no clip has these words")
    expect(library.get_by_text("No clip fits these.")).to_be_visible()


def test_a_discarded_clip_can_be_had_back(
    library: Page, studio: Any, clips: dict[str, dict[str, Any]]
) -> None:
    library.get_by_test_id("search").fill("harpsichord")
    card = library.get_by_test_id("card")
    expect(card).to_have_count(1)
    card.get_by_test_id("discard").click()
    expect(card).to_have_count(0)
    library.get_by_label("Loop", exact=True).focus()
    library.keyboard.press("Control+z")
    expect(card).to_have_count(1)
    library.wait_for_timeout(7000)
    identity = clips["harpsichord fugue"]["id"]
    assert studio.client.get(f"/api/clips/{identity}").status_code == 200


def test_a_card_plays_and_opens_elsewhere(library: Page, clips: dict[str, dict[str, Any]]) -> None:
    library.get_by_test_id("search").fill("sludge")
    card = library.get_by_test_id("card")
    expect(card).to_have_count(1)
    card.get_by_role("button", name=re.compile("^Play sludge metal")).click()
    expect(library.locator(".card[data-sounding]")).to_have_count(1)
    expect(library.get_by_test_id("chosen")).to_have_text(clips["sludge metal riff"]["title"])
    card.get_by_test_id("clip-menu").click()
    library.get_by_test_id("open-paint").click()
    assert library.url.endswith(f"#paint/{clips['sludge metal riff']['id']}")
    library.go_back()
    expect(library.get_by_test_id("search")).to_be_visible()


def test_files_are_downloaded_under_readable_names(
    library: Page, clips: dict[str, dict[str, Any]], tmp_path: Any
) -> None:
    library.get_by_test_id("search").fill("sludge")
    expect(library.get_by_test_id("card")).to_have_count(1)
    library.get_by_test_id("card").get_by_test_id("clip-menu").click()
    for suffix in ("wav", "flac", "mp3", "png", "json"):
        expect(library.get_by_test_id(f"download-{suffix}")).to_be_visible()
    with library.expect_download() as waiting:
        library.get_by_test_id("download-wav").click()
    name = waiting.value.suggested_filename
    assert name.startswith("sludge") and "233bpm" in name and name.endswith(".wav")
    waiting.value.save_as(tmp_path / name)
    assert sf.info(tmp_path / name).duration == pytest.approx(
        clips["sludge metal riff"]["seconds"], abs=1e-3
    )


def test_a_key_is_complained_of_once_and_at_its_field(library: Page) -> None:
    key, wrong = library.get_by_test_id("find-key"), library.get_by_test_id("search-wrong")
    key.press_sequentially("B m", delay=250)
    expect(wrong).to_be_empty()
    expect(wrong).to_contain_text("key='B m'")
    expect(library.get_by_test_id("message")).to_have_count(0)
    key.press_sequentially("inor")
    expect(wrong).to_be_empty()


def test_a_clip_is_exported_for_another_program(page: Page, studio: Any, tmp_path: Path) -> None:
    (clip,) = studio.made("generate", {"prompt": "house", "bars": 1, "steps": 2, "seed": 1})
    page.goto(f"{studio.url}/#library/{clip['id']}")
    expect(page.get_by_test_id("chosen")).to_have_text(clip["title"])
    page.get_by_test_id("download").click()
    page.get_by_test_id("export").click()
    panel = page.get_by_test_id("export-panel")
    panel.get_by_test_id("export-kind").select_option("dawproject")
    panel.get_by_test_id("field-bits").select_option("16")
    with page.expect_download() as downloading:
        panel.get_by_test_id("export-start").click()
    assert downloading.value.suggested_filename.startswith("house_")
    with zipfile.ZipFile(downloading.value.path()) as archive:
        assert "project.xml" in archive.namelist()
    expect(panel).to_be_hidden()
    page.get_by_test_id("download").press("Enter")
    page.get_by_test_id("export").press("Enter")
    expect(panel.get_by_test_id("export-kind")).to_have_value("dawproject")
    nothing = "clip='house': contains no notes that can be heard"
    page.route("**/exports/midi*", lambda route: route.fulfill(status=422, json={"error": nothing}))
    panel.get_by_test_id("export-kind").select_option("midi")
    panel.get_by_test_id("export-start").press("Enter")
    expect(panel.get_by_test_id("export-problem")).to_have_text(nothing)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
