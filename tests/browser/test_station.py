"""The loop station: tracks in time and in tune, and the mix that is exported."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

_LOOP = {"steps": 4, "seed": 4, "loop": True, "loudness": -24.0}


@pytest.fixture(scope="module")
def clips(studio: Any) -> tuple[str, str]:
    """Two bars at 120 BPM in A minor, and one at 96 BPM in C major."""
    two = {**_LOOP, "prompt": "house, A minor", "bars": 2, "bpm": 120}
    one = {**_LOOP, "prompt": "lofi piano, C major", "bars": 1, "bpm": 96}
    return studio.made("generate", two)[0]["id"], studio.made("generate", one)[0]["id"]


@pytest.fixture
def loops(page: Page, studio: Any, clips: tuple[str, str]) -> tuple[str, str]:
    """Both on the station."""
    page.goto(f"{studio.url}#station")
    for clip in clips:
        page.get_by_test_id("station-choice").select_option(clip)
        page.get_by_test_id("station-add").click()
    expect(page.get_by_test_id("loop-2")).to_be_visible()
    return clips


def exported(page: Page, folder: Path) -> tuple[np.ndarray[Any, Any], int, str]:
    with page.expect_download(timeout=120_000) as download:
        page.get_by_test_id("station-export").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    sound, rate = soundfile.read(path, always_2d=True)
    assert soundfile.info(path).subtype == "PCM_24"
    return sound, rate, path.name


def sound_of(studio: Any, path: str) -> np.ndarray[Any, Any]:
    sound, _ = soundfile.read(io.BytesIO(studio.client.get(path).content), always_2d=True)
    return np.asarray(sound)


def test_the_exported_mix_is_the_sum_of_its_tracks_tiled(
    page: Page, studio: Any, loops: tuple[str, str], tmp_path: Path
) -> None:
    two, one = loops
    expect(page.get_by_test_id("station-facts")).to_have_text("2 bars together · 120 BPM")
    mix, rate, name = exported(page, tmp_path)
    first = sound_of(studio, f"/api/clips/{two}.wav")
    second = sound_of(studio, f"/api/clips/{one}.wav?bpm=120")
    assert len(mix) == len(first) == 2 * len(second) == 8 * rate / 2
    assert np.abs(mix - first - np.tile(second, (2, 1))).max() < 1e-4
    assert name == "Loop station_120bpm_2bars.wav"


def test_mute_solo_and_levels_are_in_the_mix(
    page: Page, studio: Any, loops: tuple[str, str], tmp_path: Path
) -> None:
    two, _ = loops
    first = sound_of(studio, f"/api/clips/{two}.wav")
    page.get_by_test_id("loop-2-mute").click()
    page.get_by_test_id("loop-1-gain").fill("-6")
    mix, *_ = exported(page, tmp_path)
    assert np.abs(mix - first * 10 ** (-6 / 20)).max() < 1e-4
    page.get_by_test_id("loop-2-solo").click()
    alone, *_ = exported(page, tmp_path)
    assert len(alone) == len(mix)
    assert np.abs(alone[: len(alone) // 2] - alone[len(alone) // 2 :]).max() == 0
    page.get_by_test_id("loop-2-solo").click()
    page.get_by_test_id("loop-1-mute").click()
    page.get_by_test_id("station-export").click()
    expect(page.get_by_test_id("station-said")).to_contain_text("all tracks are muted")


def test_a_mix_that_would_clip_is_lowered_and_says_so(
    page: Page, loops: tuple[str, str], tmp_path: Path
) -> None:
    for _ in range(3):
        page.get_by_test_id("station-choice").select_option(loops[0])
        page.get_by_test_id("station-add").click()
    for track in (1, 2, 3, 4, 5):
        page.get_by_test_id(f"loop-{track}-gain").fill("6")
    mix, *_ = exported(page, tmp_path)
    assert np.abs(mix).max() == pytest.approx(10 ** (-1 / 20), abs=1e-5)
    expect(page.get_by_test_id("station-said")).to_contain_text("dB quieter")


def test_tracks_come_together_in_key_and_by_hand(page: Page, loops: tuple[str, str]) -> None:
    page.get_by_test_id("station-key").select_option("B minor")
    expect(page.get_by_test_id("loop-1-semitones")).to_have_text("+2 st")
    expect(page.get_by_test_id("loop-2-semitones")).to_have_text("+2 st")  # the relative's
    page.get_by_test_id("loop-2-down").click()
    page.get_by_test_id("loop-2-down").click()
    expect(page.get_by_test_id("loop-2-semitones")).to_have_text("0 st")


def test_a_new_tempo_takes_over_on_a_downbeat(page: Page, loops: tuple[str, str]) -> None:
    page.get_by_test_id("station-play").click()
    page.wait_for_function(
        "() => riffkit.app.engine.run.get()?.owner === 'station'", timeout=60_000
    )
    page.evaluate(
        "void riffkit.app.engine.run.on((run) => { window.swapped ="
        " [run.meter.bpm, riffkit.app.engine.position()]; })"
    )
    page.get_by_test_id("station-bpm").fill("100")
    page.get_by_test_id("station-bpm").press("Tab")
    page.wait_for_function("() => window.swapped?.[0] === 100", timeout=60_000)
    bar, position = 4 * 60 / 100, page.evaluate("window.swapped[1]")
    assert min(position % bar, bar - position % bar) < 0.1
    page.evaluate("riffkit.app.engine.stop()")


def test_tracks_are_remembered(page: Page, loops: tuple[str, str]) -> None:
    page.get_by_test_id("loop-2-mute").click()
    page.reload()
    expect(page.get_by_test_id("loop-2-mute")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("loop-1-remove").click()
    expect(page.get_by_test_id("loop-2")).to_have_count(0)


def test_what_is_no_loop_is_refused_and_made_one(
    page: Page, studio: Any, loops: tuple[str, str]
) -> None:
    request = {"prompt": "ambient", "duration": 2.3, "steps": 4, "seed": 1}
    made = studio.made("generate", request)[0]
    clip = made["id"]
    assert not made["whole_beats"]
    page.get_by_test_id("station-choice").select_option(clip)
    page.get_by_test_id("station-add").click()
    expect(page.locator("body")).to_contain_text("isn't a loop of whole beats")
    expect(page.get_by_test_id("loop-3")).to_have_count(0)
    page.get_by_role("button", name="Make a loop").click()
    expect(page.get_by_test_id("loop-3")).to_contain_text("ambient", timeout=120_000)
    added = page.evaluate("JSON.parse(localStorage.getItem('riffkit.station')).tracks[2].clip")
    looped = studio.client.get(f"/api/clips/{added}").json()
    assert looped["loop"] and looped["whole_beats"] and looped["seed"] == request["seed"]
