"""Where the bars and sections of a clip are, as its WAV tells them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wavinfo

import riffkit
from riffkit import Clip, Recipe, Riff
from riffkit.audio.acid import read_acid
from riffkit.audio.shown import Marker
from riffkit.music.musical_facts import MusicalFacts
from riffkit.prompt.key import parse_key
from riffkit.score.notes import Section

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 1, "bpm": 120.0}


def labels(path: Path) -> dict[int, str]:
    """The names of a file's cues by their places."""
    cues = wavinfo.WavInfoReader(path, info_encoding="utf-8").cues
    names = {label.name: label.text for label in cues.labels}
    return {cue.sample_offset: names[cue.name] for cue in cues.cues}


def markers(facts: MusicalFacts, bpm: float, seconds: float) -> list[tuple[float, str]]:
    shown = facts.shown("", bpm, seconds=seconds, beats=None)
    return [(pytest.approx(one.seconds), one.label) for one in shown.markers]


def test_bars_are_where_the_metre_says() -> None:
    assert markers(MusicalFacts(3), 90.0, 5.0) == [(0.0, "Bar 1"), (2.0, "Bar 2"), (4.0, "Bar 3")]
    assert markers(MusicalFacts(4), 120.0, 4.0) == [(0.0, "Bar 1"), (2.0, "Bar 2")]
    assert markers(MusicalFacts(4), 120.0, 1 / 44_100) == [(0.0, "Bar 1")]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("bpm", [97.3, 118.0, 124.0, 130.0])
def test_a_rounded_length_has_no_bar_more(bpm: float, rate: int) -> None:
    for bars in range(1, 9):
        seconds = round(bars * 4 * 60 / bpm * rate) / rate
        shown = MusicalFacts(4).shown("", bpm, seconds=seconds, beats=4 * bars)
        assert len(shown.markers) == bars


def test_a_clip_that_begins_within_a_bar_has_its_first_bar_later() -> None:
    facts = MusicalFacts(4, lead_seconds=0.5)
    assert markers(facts, 120.0, 5.5) == [(1.5, "Bar 1"), (3.5, "Bar 2")]


def test_sections_are_named_where_they_begin() -> None:
    sections = (
        Section("verse", 0.0, 8.0),
        Section("brücke", 8.0, 2.0),
        Section("chorus", 10.0, 6.0),
    )
    assert markers(MusicalFacts(4, sections=sections), 120.0, 8.0) == [
        (0.0, "Bar 1: verse"),
        (2.0, "Bar 2"),
        (4.0, "Bar 3: brücke"),
        (5.0, "chorus"),
        (6.0, "Bar 4"),
    ]
    only = MusicalFacts(4, sections=(Section("A", 0.0, 8.0),))
    assert markers(only, 120.0, 2.0) == [(0.0, "Bar 1")]


def test_without_a_tempo_there_are_no_bars() -> None:
    assert MusicalFacts().shown("", None, seconds=9.0, beats=None).markers == ()


def test_a_recipe_says_where_its_sound_begins() -> None:
    recipe = Recipe(
        "edit",
        {"beats_per_bar": 3, "key": "F# minor"},
        inputs={"clip": {"name": "a.wav", "lead_samples": 22_050}},
        score={"facts": {"style": "funk"}, "sections": [["A", 0.0, 6.0], ["", 6.0, 6.0]]},
    )
    facts = MusicalFacts.of_recipe(recipe, 44_100)
    assert facts == MusicalFacts(
        3, parse_key("F# minor"), "funk", (Section("A", 0.0, 6.0),), lead_seconds=0.5
    )
    before = replace(recipe, arguments={**recipe.arguments, "before": True})
    assert MusicalFacts.of_recipe(before, 44_100).lead_seconds == 0


def test_a_song_has_its_bars_at_any_rate(golden_riff: Riff, tmp_path: Path) -> None:
    clip = golden_riff.generate("house", bars=3, beats_per_bar=3, **FAST)
    for rate in (44_100, 48_000, 22_050):
        clip.save(tmp_path / "a.wav", sample_rate=rate)
        bar = round(1.5 * rate)
        assert labels(tmp_path / "a.wav") == {0: "Bar 1", bar: "Bar 2", 2 * bar: "Bar 3"}


def test_each_stem_has_them_under_its_own_name(clip_with_stems: Clip, tmp_path: Path) -> None:
    for path in clip_with_stems.save_stems(tmp_path):
        found = wavinfo.WavInfoReader(path)
        assert labels(path) == {0: "Bar 1", clip_with_stems.sample_rate: "Bar 2"}
        assert found.bext.description.startswith("band - ")
        assert found.smpl is not None


@pytest.fixture
def clip_with_stems(golden_riff: Riff) -> Clip:
    clip = golden_riff.generate("house", bars=2, loop=True, beats_per_bar=2, **FAST)
    halves = {"bass": clip.waveform * 0.5, "drums": clip.waveform * 0.5}
    return replace(clip, title="band", stems=halves)


def test_what_is_decoded_keeps_metre_bars_and_key(golden_riff: Riff, tmp_path: Path) -> None:
    """Another tempo moves the bars, and transposing the key."""
    clip = golden_riff.generate("house", bars=2, loop=True, beats_per_bar=3, key="A minor", **FAST)
    clip.image.save(tmp_path / "a.png")
    sound = riffkit.decode(tmp_path / "a.png", quality="preview", bpm=90.0, transpose=2.0)
    sound.save(tmp_path / "a.wav")
    acid = read_acid(tmp_path / "a.wav")
    assert acid is not None
    assert (acid.bpm, acid.beats, acid.root, acid.metre) == (90.0, 6, 60 + 11, (3, 4))
    assert labels(tmp_path / "a.wav") == {0: "Bar 1", 2 * sound.sample_rate: "Bar 2"}
    assert sound.shown().key == "Bm"
    between = riffkit.decode(tmp_path / "a.png", quality="preview", transpose=0.5)
    assert between.shown().key == ""


def test_an_image_of_a_later_version_is_heard_without_them(
    golden_riff: Riff, tmp_path: Path
) -> None:
    clip = golden_riff.generate("house", bars=1, beats_per_bar=3, **FAST)
    later = {**(clip.image.recipe or {}), "schema": 10_000}
    replace(clip.image, recipe=later).save(tmp_path / "a.png")
    sound = riffkit.decode(tmp_path / "a.png", quality="preview")
    assert sound.shown().markers == (Marker(0.0, "Bar 1"),)
    assert sound.shown().beats_per_bar == 4


def test_a_file_with_chunks_is_replayed_to_the_byte(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path
) -> None:
    clip = golden_riff.generate("house", bars=1, loop=True, key="D minor", **FAST)
    clip.save(tmp_path / "a.wav")
    again = riffkit.replay(tmp_path / "a.wav", tmp_path / "b.wav", model=str(golden_folder))
    assert (again.same, again.compared) == (True, "bytes")
    facts = riffkit.inspect(tmp_path / "a.wav")
    assert (facts["tempo_bpm"], facts["key"]) == (120.0, "D minor")
    assert facts["samples"] == clip.waveform.shape[-1]
    assert Recipe.from_dict(facts["recipe"]) == Recipe.from_json(clip.recipe.to_json())
