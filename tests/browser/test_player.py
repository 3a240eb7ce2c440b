"""The player: one clock, no gap; seeking, loop brace, zoom and what the pointer reads."""

from __future__ import annotations

import io
import re
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

AXIS, RULER = 64, 26  # CSS pixels left of and above the plot
TURNS = 20
BPM = 106  # no whole number of samples a beat


@pytest.fixture(scope="module")
def clips(studio: Any) -> list[dict[str, Any]]:
    """Two loops of two bars, with the same beats."""
    request = {"prompt": "funk band with drums", "bpm": BPM, "loop": True, "seed": 3, "steps": 2}
    return studio.made("generate", request, count=2)


@pytest.fixture
def player(page: Page, studio: Any, clips: list[dict[str, Any]]) -> Page:
    page.goto(f"{studio.url}/#make/{clips[0]['id']}")
    expect(page.get_by_test_id("chosen")).to_have_text(clips[0]["title"])
    tiles = page.locator('[data-testid=candidates] [data-state="ready"]')
    expect(tiles).to_have_count(2)  # nothing moves any more
    page.locator(".player").scroll_into_view_if_needed()
    return page


def plot(page: Page) -> dict[str, float]:
    box = page.locator(".player canvas.over").bounding_box()
    assert box is not None
    return {
        "x": box["x"] + AXIS,
        "y": box["y"] + RULER,
        "width": box["width"] - AXIS,
        "height": box["height"] - RULER,
        "ruler": box["y"] + RULER / 2,
    }


def position(page: Page) -> float:
    """Seconds."""
    return page.evaluate("riffkit.app.engine.position()")


def playing(page: Page) -> bool:
    return page.evaluate("riffkit.app.engine.playing.get()")


def brace_beats(page: Page) -> list[float] | None:
    span = page.evaluate("riffkit.app.engine.brace.get()")
    return span and [round(span[end] * BPM / 60, 3) for end in ("start", "end")]


OFFLINE = """async ([first, second, turns, bar]) => {
  const {schedule, readWav} = riffkit;
  const read = async (id) =>
    readWav(await (await fetch(`api/clips/${id}.wav`)).arrayBuffer());
  const wavs = [await read(first), await read(second)];
  const rate = wavs[0].rate;
  const length = wavs[0].channels[0].length;
  const context = new OfflineAudioContext(wavs[0].channels.length, length * turns, rate);
  const buffers = wavs.map((wav) => {
    const buffer = context.createBuffer(wav.channels.length, length, rate);
    wav.channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
    return buffer;
  });
  const whole = {start: 0, end: length / rate};
  const meter = {bpm: bar && (60 / bar) * 4, beatsPerBar: 4};
  let course = {at: 0, offset: 0, loop: whole, length: length / rate};
  let voice = schedule.start(context, buffers[0], context.destination, course);
  const switches = [];
  // the other clip from a downbeat some time into each third turn
  for (let turn = 1, which = 1; bar && turn < turns - 1; turn += 3, which = 1 - which) {
    const time = turn * whole.end + 0.4 * bar;
    const at = schedule.onSample(schedule.nextDownbeat(course, meter, time), rate);
    const place = schedule.positionAt(course, at - 1e-3) + 1e-3;
    const offset = schedule.takeOver(place, meter, whole, meter, whole);
    course = {...course, at, offset};
    voice = schedule.exchange(context, [voice], buffers[which], context.destination, course);
    switches.push([Math.round(at * rate), which, Math.round(offset * rate)]);
  }
  const played = await context.startRendering();
  const channels = [...Array(played.numberOfChannels).keys()].map((i) => {
    const bytes = new Uint8Array(played.getChannelData(i).buffer);
    let text = "";
    for (let k = 0; k < bytes.length; k += 32768)
      text += String.fromCharCode(...bytes.subarray(k, k + 32768));
    return btoa(text);
  });
  return {rate, length, switches, channels};
}"""


def played(page: Page, clips: list[dict[str, Any]], bar: float | None) -> tuple[Any, np.ndarray]:
    """What the page's scheduling gives at the clip's rate, rendered faster than time."""
    import base64

    answer = page.evaluate(OFFLINE, [clips[0]["id"], clips[1]["id"], TURNS, bar])
    rows = [np.frombuffer(base64.b64decode(text), np.float32) for text in answer["channels"]]
    return answer, np.stack(rows, axis=1)


def wav(studio: Any, clip: dict[str, Any]) -> np.ndarray:
    content = studio.client.get(f"/api/clips/{clip['id']}.wav").content
    return sf.read(io.BytesIO(content), always_2d=True, dtype="float32")[0]


def lag(rendered: np.ndarray, expected: np.ndarray) -> int:
    """Samples by which the end of what was rendered is late, by cross-correlation."""
    tail = 8192
    a, b = rendered[-tail:, 0].astype(float), expected[-tail:, 0].astype(float)
    spectrum = np.fft.rfft(a, 2 * tail) * np.conj(np.fft.rfft(b, 2 * tail))
    at = int(np.argmax(np.fft.irfft(spectrum)))
    return at if at < tail else at - 2 * tail


def test_twenty_turns_of_a_loop_are_the_tiled_wav(
    player: Page, studio: Any, clips: list[dict[str, Any]]
) -> None:
    _, rendered = played(player, clips, None)
    expected = np.tile(wav(studio, clips[0]), (TURNS, 1))
    assert rendered.shape == expected.shape
    assert lag(rendered, expected) == 0
    assert np.abs(rendered - expected).max() <= 1e-4


def test_switches_on_the_downbeat_are_exact_to_the_sample(
    player: Page, studio: Any, clips: list[dict[str, Any]]
) -> None:
    bar = 4 * 60 / BPM
    answer, rendered = played(player, clips, bar)
    sounds = [wav(studio, clip) for clip in clips]
    assert len(answer["switches"]) == 6
    whole = len(sounds[0])
    expected = np.tile(sounds[0], (TURNS, 1))
    for at, which, offset in answer["switches"]:
        bars = at / answer["rate"] / bar
        assert abs(bars - round(bars)) < 1e-3, "a switch is on a bar line"
        turns = np.arange(len(expected) - at) + offset
        expected[at:] = sounds[which][turns % whole]
    assert lag(rendered, expected) == 0
    assert np.abs(rendered - expected).max() <= 1e-4


def test_space_plays_and_arrows_move_by_beats_and_bars(player: Page) -> None:
    player.keyboard.press("Space")
    expect(player.get_by_test_id("play")).to_have_attribute("aria-label", "Pause")
    player.wait_for_timeout(400)
    assert 0 < position(player) < 2
    player.keyboard.press("Space")
    expect(player.get_by_test_id("play")).to_have_attribute("aria-label", "Play")
    stopped = position(player)
    player.wait_for_timeout(200)
    assert position(player) == stopped
    player.keyboard.press("Home")
    beat = 60 / BPM
    for key, beats in [
        ("ArrowRight", 1), ("ArrowRight", 2), ("Shift+ArrowRight", 4), ("ArrowLeft", 3),
        ("Shift+ArrowLeft", 0),
    ]:  # fmt: skip
        player.keyboard.press(key)
        assert position(player) == pytest.approx(beats * beat, abs=1e-3), key
    expect(player.get_by_test_id("position")).to_have_text("1.1.00")


def test_space_plays_after_a_click_on_a_button_too(player: Page) -> None:
    player.get_by_test_id("loop").click()
    player.keyboard.press("Space")
    expect(player.get_by_test_id("loop")).to_have_attribute("aria-pressed", "false")
    expect(player.get_by_test_id("play")).to_have_attribute("aria-label", "Pause")
    player.get_by_test_id("play").focus()
    player.keyboard.press("Tab")
    player.keyboard.press("Space")  # reached by keys: it is the button's
    expect(player.get_by_test_id("loop")).to_have_attribute("aria-pressed", "true")
    assert playing(player)


def test_a_click_seeks(player: Page, clips: list[dict[str, Any]]) -> None:
    box = plot(player)
    player.mouse.click(box["x"] + box["width"] / 2, box["y"] + 80)
    half = clips[0]["seconds"] / 2
    # as soon as the clip's sound is there; a bare expression would need the page's leave to eval
    player.wait_for_function(
        "(half) => Math.abs(riffkit.app.engine.position() - half) < 0.02", arg=half
    )
    assert not playing(player)
    player.keyboard.press("Space")
    clicked = time.monotonic()
    player.mouse.click(box["x"] + box["width"] / 4, box["y"] + 80)
    player.wait_for_timeout(200)
    on = position(player) - clips[0]["seconds"] / 4
    assert -0.01 < on < time.monotonic() - clicked + 0.1


def test_the_brace_snaps_to_beats_unless_alt_is_held(player: Page) -> None:
    box = plot(player)
    beat = box["width"] / 8
    player.mouse.move(box["x"] + 2.2 * beat, box["ruler"])
    player.mouse.down()
    player.mouse.move(box["x"] + 4.3 * beat, box["ruler"], steps=4)
    player.mouse.up()
    assert brace_beats(player) == [2, 4]
    player.keyboard.down("Alt")
    player.mouse.move(box["x"] + 4 * beat - 1, box["ruler"])
    player.mouse.down()
    player.mouse.move(box["x"] + 3.5 * beat, box["ruler"], steps=4)
    player.mouse.up()
    player.keyboard.up("Alt")
    free = brace_beats(player)
    assert free is not None and free[0] == 2
    assert free[1] == pytest.approx(3.5, abs=0.05) and free[1] % 1
    player.mouse.dblclick(box["x"] + 3 * beat, box["ruler"])
    assert brace_beats(player) is None


def test_what_the_brace_holds_goes_round_while_it_plays(player: Page) -> None:
    player.keyboard.press("Space")
    player.wait_for_timeout(100)
    beat = 60 / BPM
    # bar 1, beats 2 and 3, by keys
    player.evaluate(f"riffkit.app.engine.brace.set({{start: {beat}, end: {3 * beat}}})")
    seen = []
    for _ in range(40):
        player.wait_for_timeout(60)
        seen.append(position(player))
    assert playing(player)
    inside = [place for place in seen if place >= beat - 0.02]
    assert max(inside) < 3 * beat + 0.02
    assert sum(b < a for a, b in pairwise(inside)) >= 1, "it went round"
    player.keyboard.press("\\")
    assert brace_beats(player) is None


def test_keys_set_the_brace(player: Page) -> None:
    player.keyboard.press("Space")
    expect(player.get_by_test_id("play")).to_have_attribute("aria-label", "Pause")
    player.keyboard.press("Space")
    player.keyboard.press("Home")
    player.keyboard.press("ArrowRight")
    player.keyboard.press("[")
    player.keyboard.press("Shift+ArrowRight")
    player.keyboard.press("]")
    assert brace_beats(player) == [1, 4]
    expect(player.get_by_text("loop 1.2–2.1")).to_be_visible()


def test_the_pointer_reads_place_pitch_and_level(player: Page) -> None:
    box = plot(player)
    player.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7)
    readout = player.locator(".player .readout")
    expect(readout).to_have_text(
        re.compile(r"1\.3\.\d\d +[\d.]+ k?Hz +[A-G]♯?\d( [+−]\d+)? +(−?[\d.]+ dB|silent)")
    )
    player.mouse.move(box["x"] + 10, box["y"] - 40)
    expect(readout).to_be_hidden()


def test_zoom_by_buttons_and_wheel_keeps_what_is_under_the_pointer(player: Page) -> None:
    box = plot(player)

    def beats_at(share: float) -> float:
        player.mouse.move(box["x"] + box["width"] * share - 1, box["y"] + 200)
        player.mouse.move(box["x"] + box["width"] * share, box["y"] + 200)
        bar, beat, part = player.locator(".player .readout").inner_text().split()[0].split(".")
        return 4 * (int(bar) - 1) + int(beat) - 1 + int(part) / 100

    before = beats_at(0.55)
    assert before == pytest.approx(8 * 0.55, abs=0.03)
    player.keyboard.down("Control")
    player.mouse.wheel(0, -300)
    player.keyboard.up("Control")
    player.wait_for_timeout(100)
    assert beats_at(0.55) == pytest.approx(before, abs=0.03)
    assert beats_at(0.01) > 1, "the left edge is another place"
    player.get_by_label("Show the whole clip").click()
    assert beats_at(0.01) < 0.2
    player.get_by_label("Zoom in").click()
    assert beats_at(0.99) < 7
