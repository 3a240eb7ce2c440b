"""Notes and stems by mouse and keyboard: what is edited is what is heard and painted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from riffkit.music.midi_score import read_score

pytestmark = pytest.mark.browser

_TRIO = {"prompt": "jazz trio, swing", "bars": 2, "steps": 4, "seed": 3, "loop": True}
_BOX = """([track, note]) => riffkit.notes.boxOf({ track, note })"""


def score_of(studio: Any, clip: str) -> dict[str, Any]:
    values: dict[str, Any] = studio.client.get(f"/api/clips/{clip}/score").json()["score"]
    return values


def open_notes(page: Page, studio: Any, clip: str) -> None:
    page.goto(studio.url)
    page.wait_for_function("() => window.riffkit?.app.connected.get()")
    page.evaluate("async (id) => riffkit.app.open('notes', await riffkit.app.clip(id))", clip)
    expect(page.get_by_test_id("notes-title")).not_to_be_empty()
    expect(page.get_by_test_id("roll")).to_be_visible()
    page.wait_for_function("() => riffkit.notes.boxOf({ track: 0, note: 0 }) !== null")


def shown(page: Page) -> dict[str, Any]:
    """The score as the page has it."""
    values: dict[str, Any] = page.evaluate("riffkit.notes.score")
    return values


def chosen(page: Page) -> str:
    """The id of the clip that the page has chosen."""
    clip: str = page.evaluate("riffkit.app.selected.get().id")
    return clip


def another_is_chosen(page: Page, clip: str) -> None:
    """Waits for what is painted to be shown."""
    page.wait_for_function(
        "(id) => riffkit.app.selected.get().id !== id", arg=clip, timeout=120_000
    )
    page.wait_for_function("() => riffkit.notes.boxOf({ track: 0, note: 0 }) !== null")


def drag(page: Page, track: int, note: int, by: tuple[float, float], *, at: float = 0.5) -> None:
    """Drag a note of the roll by CSS pixels, gripped at a part of its width."""
    roll = page.get_by_test_id("roll")
    roll.scroll_into_view_if_needed()
    box, canvas = page.evaluate(_BOX, [track, note]), roll.bounding_box()
    assert canvas is not None
    x = canvas["x"] + box["x"] + box["width"] * at
    y = canvas["y"] + box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()


@pytest.fixture(scope="module")
def trio(studio: Any) -> str:
    """The id of a clip of three players, with stems."""
    made: str = studio.made("generate", {**_TRIO, "stems": True})[0]["id"]
    return made


def test_a_note_is_dragged_resized_and_undone(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    before = shown(page)
    start, duration, pitch, _ = before["tracks"][0]["notes"][0]
    box = page.evaluate(_BOX, [0, 0])
    drag(page, 0, 0, (0, -2 * box["height"]))
    assert shown(page)["tracks"][0]["notes"][0][:3] == [start, duration, pitch + 2]
    page.get_by_test_id("notes-undo").click()
    assert shown(page) == before
    page.get_by_test_id("grid").select_option(label="1/16")
    per_beat = box["width"] / duration
    drag(page, 0, 0, (0.6 * per_beat, 0), at=0.97)
    longer = shown(page)["tracks"][0]["notes"][0]
    assert (longer[0] + longer[1] - start) % 0.25 == pytest.approx(start % 0.25 and -start % 0.25)
    assert longer[1] > duration
    page.keyboard.press("Control+z")
    assert shown(page) == before


def test_notes_are_edited_with_the_keyboard_alone(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    before = shown(page)["tracks"][0]["notes"]
    page.get_by_test_id("grid").select_option(label="1/8")
    page.get_by_test_id("roll").focus()
    page.keyboard.press("PageDown")
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowRight", "Shift+ArrowRight", "+"):
        page.keyboard.press(key)
    start, duration, pitch, velocity = before[0]
    moved = shown(page)["tracks"][0]["notes"]
    expected = [start + 0.5, duration + 0.5, pitch + 13, min(127, velocity + 8)]
    assert any(note == pytest.approx(expected) for note in moved)
    page.keyboard.press("Enter")
    assert len(shown(page)["tracks"][0]["notes"]) == len(before) + 1
    page.keyboard.press("Delete")
    assert shown(page)["tracks"][0]["notes"] == moved


def test_a_drawn_note_joins_the_chosen_track(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    bass = next(k for k, t in enumerate(shown(page)["tracks"]) if t["role"] == "bass")
    page.get_by_test_id(f"track-{bass + 1}").click()
    before = shown(page)["tracks"][bass]["notes"]
    page.get_by_test_id("grid").select_option(label="1/4")
    page.get_by_test_id("draw").click()
    roll = page.get_by_test_id("roll")
    box = page.evaluate(_BOX, [bass, 0])
    # two rows above the first note, in the second beat
    roll.click(position={"x": box["x"] + 1.4 * box["width"], "y": box["y"] - 1.5 * box["height"]})
    added = [note for note in shown(page)["tracks"][bass]["notes"] if note not in before]
    assert len(added) == 1
    assert added[0][0] == 1.0 and added[0][2] == before[0][2] + 2


def test_an_edited_note_is_in_the_painted_clip_and_its_midi(
    page: Page, studio: Any, trio: str, tmp_path: Path
) -> None:
    open_notes(page, studio, trio)
    old = score_of(studio, trio)["tracks"][0]["notes"][0]
    box = page.evaluate(_BOX, [0, 0])
    drag(page, 0, 0, (0, 3 * box["height"]))
    edited = shown(page)["tracks"]
    page.get_by_test_id("paint-notes").click()
    page.wait_for_function(
        "(id) => riffkit.app.selected.get().id !== id", arg=trio, timeout=120_000
    )
    new = chosen(page)
    painted = score_of(studio, new)["tracks"]
    assert painted[0]["notes"][0][2] == old[2] - 3
    assert [t["notes"] for t in painted] == [t["notes"] for t in edited]
    path = tmp_path / "new.mid"
    path.write_bytes(studio.client.get(f"/api/clips/{new}.mid").content)
    note = min(read_score(path).score.tracks[0].notes, key=lambda n: n.start)
    assert (note.start, note.pitch) == (pytest.approx(old[0]), old[2] - 3)
    job = studio.client.get(f"/api/clips/{new}").json()["seed"]
    assert job == _TRIO["seed"]


def test_notes_are_heard_before_they_are_painted(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    page.get_by_test_id("hear-notes").click()
    page.wait_for_function(
        "() => riffkit.app.engine.playing.get() && riffkit.app.engine.position() > 0.2"
    )
    run = page.evaluate(
        "(() => { const r = riffkit.app.engine.run.get();"
        " return [r.owner, r.length, r.sources.map((s) => s.buffer.length)]; })()"
    )
    facts = shown(page)["facts"]
    seconds = facts["n_beats"] * 60 / facts["bpm"]
    assert run[0] == "notes" and run[1] == pytest.approx(seconds)
    assert set(run[2]) == {round(seconds * 44100)}
    page.keyboard.press("Space")
    assert not page.evaluate("riffkit.app.engine.playing.get()")


def test_notes_are_written_over_other_chords(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    chord = page.get_by_test_id("chord-1")
    chord.fill("Xm")
    chord.press("Tab")
    expect(page.get_by_test_id("chord-wrong")).to_contain_text("isn't a chord")
    for bar in (1, 2):
        chord = page.get_by_test_id(f"chord-{bar}")
        chord.fill("F#m")
        chord.press("Tab")
    expect(page.get_by_test_id("chord-wrong")).to_be_empty()
    page.get_by_test_id("write-chords").click()
    expect(page.get_by_test_id("write-chords")).to_be_enabled()
    assert {chord[1] for chord in shown(page)["chords"]} == {6}
    bass = next(t for t in shown(page)["tracks"] if t["role"] == "bass")
    on_beats = [note[2] % 12 for note in bass["notes"] if note[0] % 4 == 0]
    assert set(on_beats) <= {6, 9, 1}


def test_a_clip_is_painted_over_other_chords(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    bars = ["Dm", "A7"]
    for bar, chord in enumerate(bars, 1):
        page.get_by_test_id(f"chord-{bar}").fill(chord)
        page.get_by_test_id(f"chord-{bar}").press("Enter")
    page.get_by_test_id("paint-chords").click()
    another_is_chosen(page, trio)
    painted = studio.client.get(f"/api/clips/{chosen(page)}/score").json()
    assert painted["chords"] == " | ".join(bars)
    assert studio.client.get(f"/api/clips/{chosen(page)}").json()["seed"] == _TRIO["seed"]


def test_the_roll_and_the_spectrogram_zoom_together(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    for _ in range(2):
        page.get_by_test_id("notes-zoom-in").click()
    boxes = page.evaluate(
        "riffkit.notes.score.tracks[0].notes.map((note, k) =>"
        " [note[0], riffkit.notes.boxOf({ track: 0, note: k }).x])"
    )
    (first, x), *_, (last, end) = boxes
    scale = (end - x) / (last - first)
    columns = page.evaluate("riffkit.notes.spectrogram.window.get().scale")
    assert scale == pytest.approx(64 * columns)
    start = page.evaluate("riffkit.notes.spectrogram.xOf(riffkit.notes.spectrogram.columnOf(0))")
    assert x - first * scale == pytest.approx(start)


@pytest.mark.view(width=390, height=844)
def test_a_finger_moves_notes_and_scrolls_the_page(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    roll = page.get_by_test_id("roll")
    page.evaluate("scrollTo(0, 300)")
    pitch = shown(page)["tracks"][0]["notes"][0][2]
    box, canvas = page.evaluate(_BOX, [0, 0]), roll.bounding_box()
    assert canvas is not None
    touches = page.context.new_cdp_session(page)

    def swipe(x: float, y: float, by: float) -> None:
        points = [{"x": x, "y": y + by * k / 4} for k in range(5)]
        touches.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for point in points[1:]:
            touches.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    x = canvas["x"] + box["x"] + box["width"] / 2
    swipe(x, canvas["y"] + box["y"] + box["height"] / 2, -3 * box["height"])
    assert shown(page)["tracks"][0]["notes"][0][2] == pitch + 3
    assert page.evaluate("scrollY") == 300
    edited = shown(page)
    swipe(x, canvas["y"] + box["y"] + 5 * box["height"], -120)
    page.wait_for_function("() => scrollY > 350")
    assert shown(page) == edited


def test_a_score_is_composed_and_saved_as_midi(page: Page, studio: Any, tmp_path: Path) -> None:
    page.goto(f"{studio.url}#notes")
    page.get_by_test_id("compose").click()
    page.get_by_test_id("compose-prompt").fill("solo piano, calm")
    page.get_by_test_id("compose-bars").fill("2")
    page.get_by_test_id("compose-key").select_option("D minor")
    page.get_by_test_id("compose-seed").fill("5")
    page.get_by_test_id("compose-go").click()
    expect(page.get_by_test_id("notes-title")).to_have_text("solo piano, calm")
    facts = shown(page)["facts"]
    assert (facts["key"], facts["mode"], facts["n_beats"]) == ("D", "minor", 8)
    with page.expect_download() as download:
        page.get_by_test_id("midi-out").click()
    path = tmp_path / "out.mid"
    download.value.save_as(path)
    score = read_score(path).score
    assert [t["notes"] for t in score.to_dict()["tracks"]] == [
        t["notes"] for t in shown(page)["tracks"]
    ]
    page.get_by_test_id("midi-in").set_input_files(path)
    expect(page.get_by_test_id("notes-title")).to_have_text("out.mid")
    assert [t["notes"] for t in shown(page)["tracks"]] == [
        t["notes"] for t in score.to_dict()["tracks"]
    ]


def test_muting_takes_a_stem_away_exactly(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    stems = studio.client.get(f"/api/clips/{trio}").json()["stems"]
    page.get_by_test_id("stem-2-mute").click()
    page.get_by_test_id("stems-play").click()
    page.wait_for_function("() => riffkit.app.engine.run.get()?.owner === 'stems'")
    # What the engine plays: each source's samples by its gain.
    mix = page.evaluate(
        "riffkit.app.engine.run.get().sources.reduce((sum, { buffer, gain }) =>"
        " buffer.getChannelData(0).map((v, k) => v * gain + (sum[k] ?? 0)), new Float32Array())"
        ".reduce((all, v) => (all.push(v), all), [])"
    )
    sounds = [_wav(studio, f"/api/clips/{trio}/stems/{stem['n']}.wav") for stem in stems]
    whole = _wav(studio, f"/api/clips/{trio}.wav")
    without = sum(sound for k, sound in enumerate(sounds) if k != 1)
    assert np.abs(np.array(mix) - without).max() < 1e-6
    assert np.abs(whole - sounds[1] - np.array(mix)).max() < 2e-4  # of 16 bits, a sum of three
    page.evaluate("riffkit.app.engine.stop()")


def test_a_stem_gets_another_instrument(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    page.get_by_test_id("stems-play").click()
    page.get_by_test_id("stem-2-mute").click()
    page.wait_for_function("() => riffkit.app.engine.playing.get()")
    page.get_by_test_id("stem-1-instrument").fill("vibraphone")
    page.get_by_test_id("stem-1-replace").click()
    page.wait_for_function(
        "(id) => riffkit.app.selected.get().id !== id", arg=trio, timeout=120_000
    )
    new = studio.client.get(f"/api/clips/{chosen(page)}").json()
    assert new["stems"][0]["name"] == "vibraphone"
    assert new["seed"] == _TRIO["seed"]
    # the mix stays, and goes on
    page.wait_for_function("(id) => riffkit.app.engine.run.get()?.clip?.id === id", arg=new["id"])
    assert page.evaluate("riffkit.app.engine.run.get().owner") == "stems"
    expect(page.get_by_test_id("stem-2-mute")).to_have_attribute("aria-pressed", "true")
    page.evaluate("riffkit.app.engine.stop()")


def test_the_transport_names_the_notes_while_they_are_heard(
    page: Page, studio: Any, trio: str
) -> None:
    open_notes(page, studio, trio)
    title = page.get_by_test_id("chosen").inner_text()
    page.get_by_test_id("hear-notes").click()
    expect(page.get_by_test_id("chosen")).to_have_text(f"Notes: {title}")
    expect(page.get_by_test_id("open-in")).to_be_hidden()
    page.get_by_test_id("hear-clip").click()
    expect(page.get_by_test_id("chosen")).to_have_text(title)
    expect(page.get_by_test_id("open-in")).to_be_visible()
    page.evaluate("riffkit.app.engine.stop()")


def test_a_midi_file_is_opened_from_anywhere(
    page: Page, studio: Any, trio: str, tmp_path: Path
) -> None:
    (tmp_path / "a.mid").write_bytes(studio.client.get(f"/api/clips/{trio}.mid").content)
    page.goto(f"{studio.url}/#library")
    page.get_by_test_id("open-file").first.set_input_files(tmp_path / "a.mid")
    expect(page.get_by_test_id("drop-open-notes")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("drop-panel")).to_be_hidden()
    expect(page.get_by_test_id("notes-title")).to_have_text("a.mid")
    assert len(shown(page)["tracks"]) == len(score_of(studio, trio)["tracks"])
    page.get_by_test_id("track-1").wait_for()
    # a score that no clip plays comes back, too
    page.wait_for_function("() => localStorage['riffkit.notes']?.includes('a.mid')")
    page.reload()
    expect(page.get_by_test_id("notes-title")).to_have_text("a.mid")


def test_edits_survive_a_reload(page: Page, studio: Any, trio: str) -> None:
    open_notes(page, studio, trio)
    before = shown(page)
    page.get_by_test_id("notes-transpose-up-by-a-semitone").click()
    edited = shown(page)
    assert edited != before
    page.reload()
    page.wait_for_function("() => riffkit.notes?.boxOf({ track: 0, note: 0 })")
    expect(page.get_by_test_id("notes-undo")).to_be_enabled()
    assert shown(page) == edited
    page.get_by_test_id("notes-undo").click()
    assert shown(page) == before


def _wav(studio: Any, address: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    sound, _ = soundfile.read(io.BytesIO(studio.client.get(address).content), always_2d=True)
    left: np.ndarray[Any, np.dtype[np.float64]] = sound[:, 0]
    return left
