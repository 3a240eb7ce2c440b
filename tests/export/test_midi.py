"""The score in a clip's recipe comes out as it went in, whatever the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import riffkit
from riffkit import Clip, Riff
from riffkit.audio import files
from riffkit.errors import OutputError, ParameterError
from riffkit.music.midi_score import read_score
from riffkit.music.outputs import stored_recipe
from riffkit.score import Score

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3, "bars": 1}


@pytest.fixture(scope="module")
def score() -> Score:
    return riffkit.compose("big funk band with drums", bars=4, seed=5).score


@pytest.fixture
def clip(golden_riff: Riff, score: Score) -> Clip:
    made = golden_riff.generate("funk", **FAST)
    recipe = replace(made.recipe, score=score.to_dict())
    image = replace(made.image, recipe=recipe.to_dict())
    return replace(made, recipe=recipe, image=image)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "png"])
def test_every_kind_of_file_gives_the_score(
    suffix: str, clip: Clip, score: Score, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    (clip.image if suffix == "png" else clip).save(path)
    exported = riffkit.export_midi(path, tmp_path / "a.mid")
    assert exported.path == tmp_path / "a.mid"
    assert exported.facts == {"bars": 4, "notes": sum(len(t.notes) for t in score.tracks)}
    assert read_score(tmp_path / "a.mid").score == score
    assert stored_recipe(tmp_path / "a.mid") == {}


def test_a_clip_in_memory_does_too(clip: Clip, score: Score, tmp_path: Path) -> None:
    riffkit.export_midi(clip, tmp_path / "a.mid")
    assert read_score(tmp_path / "a.mid").score == score


def test_what_has_no_score_is_said(golden_riff: Riff, tmp_path: Path) -> None:
    made = golden_riff.generate("funk", **FAST)
    made.save(tmp_path / "a.wav")
    with pytest.raises(ParameterError, match="wasn't painted from a score"):
        riffkit.export_midi(tmp_path / "a.wav", tmp_path / "a.mid")
    files.save(tmp_path / "b.wav", made.waveform, made.sample_rate)
    with pytest.raises(ParameterError, match="contains no recipe"):
        riffkit.export_midi(tmp_path / "b.wav", tmp_path / "a.mid")
    with pytest.raises(ParameterError, match="is MIDI already"):
        riffkit.export_midi("b.mid", tmp_path / "a.mid")
    with pytest.raises(OutputError, match=r"must end in \.mid"):
        riffkit.export_midi(made, tmp_path / "a.wav")
    assert not (tmp_path / "a.mid").exists()
