"""What a prompt names and the plan doesn't take is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from riffkit.music.riff import Riff
from tests.music.test_midi import PLAIN

FAST: Mapping[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}
DECODE = "; `riff decode` can play the result's image at another tempo or pitch"


@pytest.fixture(scope="module")
def clip(golden_riff: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    golden_riff.generate("house", key="A minor", bpm=200.0, bars=1, loop=True, **FAST).save(path)
    return path


def test_a_clip_keeps_its_tempo_and_key(golden_riff: Riff, clip: Path) -> None:
    made = golden_riff.restyle(clip, "organ at 140 bpm in C major", **FAST)
    assert made.image.grid is not None and made.image.grid.bpm == 200
    assert f"prompt: 140 BPM isn't used; the clip's tempo, 200 BPM, is kept{DECODE}" in made.notes
    assert f"prompt: C major isn't used; the clip's key, A minor, is kept{DECODE}" in made.notes


@pytest.mark.parametrize("prompt", ["organ", "organ at 200 bpm in A minor", "blues in A"])
def test_what_agrees_is_not_said(prompt: str, golden_riff: Riff, clip: Path) -> None:
    notes = golden_riff.restyle(clip, prompt, **FAST).notes
    assert not [note for note in notes if "kept" in note]


def test_what_the_request_says_needs_no_note(golden_riff: Riff) -> None:
    made = golden_riff.generate("house, 140 bpm, C major", bpm=200.0, key="A minor", **FAST)
    assert not [note for note in made.notes if "kept" in note]


def test_a_melody_and_a_first_prompt_keep_theirs(golden_riff: Riff, tmp_path: Path) -> None:
    (tmp_path / "tune.mid").write_bytes(PLAIN)
    made = golden_riff.generate("organ, 300 bpm", melody=tmp_path / "tune.mid", bars=1, **FAST)
    advice = "set `bpm` to change it"
    assert f"prompt: 300 BPM isn't used; the melody's tempo, 120 BPM, is kept; {advice}" in (
        made.notes
    )
    frames = [{"bar": 0, "prompt": "house, 300 bpm"}, {"bar": 1, "prompt": "organ, 200 bpm"}]
    story = golden_riff.story(keyframes=frames, bars=2, **FAST)
    assert (
        f"bar 1: 200 BPM isn't used; the first prompt's tempo, 300 BPM, is kept; {advice}"
        in story.notes
    )
