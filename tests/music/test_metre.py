"""Who decides how many beats a bar has: the request, the words, the tune, the clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from riffkit.music.clip import Clip
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from tests.music.test_midi import TEMPO, file, track

FAST: Mapping[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}
SIGNATURE = b"\0\xff\x58\x04"


def beats_of(clip: Clip) -> tuple[int, int]:
    """Beats per bar as the recipe has them, and the beats of the image."""
    assert clip.image.grid is not None
    return clip.recipe.arguments["beats_per_bar"], clip.image.grid.n_beats


@pytest.fixture(scope="module")
def waltz(golden_riff: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "three.wav"
    golden_riff.generate("waltz, organ", bars=2, loop=True, **FAST).save(path)
    return path


def test_words_decide_unless_the_request_does(golden_riff: Riff) -> None:
    assert beats_of(golden_riff.generate("Walzer", bars=2, **FAST)) == (3, 6)
    assert beats_of(golden_riff.generate("waltz", bars=2, beats_per_bar=4, **FAST)) == (4, 8)
    assert beats_of(golden_riff.generate("house", bars=2, **FAST)) == (4, 8)
    assert beats_of(golden_riff.loop(["house in 5/4", "waltz"], bars=2, **FAST)) == (5, 10)
    frames = [{"bar": 0, "prompt": "waltz"}, {"bar": 1, "prompt": "house in 4/4"}]
    story = golden_riff.story(keyframes=frames, bars=2, **FAST)
    assert beats_of(story) == (3, 6)
    assert "bar 1: the first prompt's 3 beats per bar are kept" in story.notes


def test_a_duration_is_cut_from_whole_bars_of_the_metre(golden_riff: Riff) -> None:
    clip = golden_riff.generate("waltz", bpm=240.0, duration=1.2, loop=True, **FAST)
    assert beats_of(clip) == (3, 6)


def test_seven_eighths_is_said(golden_riff: Riff) -> None:
    clip = golden_riff.generate("house, 7/8", bars=1, **FAST)
    assert beats_of(clip) == (7, 7)
    assert "prompt: 7/8: two of its bars are one bar of 7 beats here" in clip.notes


def test_a_tune_gives_its_metre(golden_riff: Riff, tmp_path: Path) -> None:
    tune = tmp_path / "tune.mid"
    tune.write_bytes(file(track(TEMPO + SIGNATURE + bytes([3, 2, 24, 8]))))
    clip = golden_riff.generate("organ", melody=tune, **FAST)
    assert beats_of(clip) == (3, 9)  # eight notes of a beat: three bars
    clip = golden_riff.generate("organ, 4/4", melody=tune, **FAST)
    assert beats_of(clip) == (3, 9)
    assert "prompt: the melody's 3 beats per bar are kept" in clip.notes
    assert beats_of(golden_riff.generate("organ", melody=tune, beats_per_bar=2, **FAST)) == (2, 8)
    tune.write_bytes(file(track(TEMPO)))
    assert beats_of(golden_riff.generate("waltz, organ", melody=tune, **FAST)) == (3, 9)
    tune.write_bytes(file(track(TEMPO + SIGNATURE + bytes([7, 3, 24, 8]))))
    clip = golden_riff.generate("organ", melody=tune, **FAST)
    assert beats_of(clip) == (7, 14)  # the eighth note is in the second bar
    assert "tune.mid: 7/8: two of its bars are one bar of 7 beats here" in clip.notes


@pytest.mark.parametrize("name", ["restyle", "edit", "extend", "vary", "morph", "loop"])
def test_a_clip_stays_in_its_metre(
    name: str, golden_riff: Riff, golden_folder: Path, waltz: Path, tmp_path: Path
) -> None:
    made = {
        "restyle": lambda: golden_riff.restyle(waltz, "organ", **FAST),
        "edit": lambda: golden_riff.edit(waltz, "organ", time=(0.1, 0.4), **FAST),
        "extend": lambda: golden_riff.extend(waltz, "organ", bars=2, **FAST),
        "vary": lambda: golden_riff.vary(waltz, prompt="house", count=1, **FAST)[0],
        "morph": lambda: golden_riff.morph(waltz, "house", frames=2, bars=1, **FAST),
        "loop": lambda: golden_riff.loop(["organ"], theme=waltz, bars=2, **FAST),
    }[name]()
    beats, n_beats = beats_of(made)
    assert (beats, n_beats) == (3, 12 if name == "extend" else 6)
    made.save(tmp_path / "clip.flac")
    again = replay(
        tmp_path / "clip.flac",
        tmp_path / "again.flac",
        model=str(golden_folder),
        sources=[waltz],
        device="cpu",
    )
    assert again.same


def test_a_clip_s_own_bars_go_before_the_prompt_s(golden_riff: Riff, waltz: Path) -> None:
    clip = golden_riff.restyle(waltz, "house in 4/4", **FAST)
    assert beats_of(clip) == (3, 6)
    assert "prompt: the clip's 3 beats per bar are kept" in clip.notes
    assert beats_of(golden_riff.restyle(waltz, "house", beats_per_bar=2, **FAST)) == (2, 6)


def test_a_recording_is_in_the_metre_of_the_words(
    golden_riff: Riff, waltz: Path, tmp_path: Path
) -> None:
    from riffkit.audio import files

    sound, rate = files.load(waltz)
    files.save(tmp_path / "bare.wav", sound, rate)
    bare = tmp_path / "bare.wav"
    assert beats_of(golden_riff.restyle(bare, "waltz", bpm=180.0, **FAST)) == (3, 6)
    assert beats_of(golden_riff.restyle(bare, "house", bpm=180.0, **FAST))[0] == 4


def test_both_ends_of_a_morph_have_the_first_one_s_bars(
    golden_riff: Riff, waltz: Path, tmp_path: Path
) -> None:
    four = tmp_path / "four.wav"
    golden_riff.generate("house", bars=3, bpm=180.0, loop=True, **FAST).save(four)
    assert beats_of(golden_riff.morph(waltz, four, frames=2, bars=1, **FAST)) == (3, 6)
    assert beats_of(golden_riff.morph(four, waltz, frames=2, bars=1, **FAST)) == (4, 8)
