"""`loudness`: how loud a clip is, whatever makes it, and that its recipe keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import riffkit
from riffkit import Riff
from riffkit.audio import files
from riffkit.audio.loudness import integrated_lufs, true_peak_dbfs
from riffkit.errors import ParameterError
from riffkit.limits import check_loudness
from riffkit.music.batch_list import read_batch
from riffkit.music.codec import decode
from riffkit.music.finish import Ending, finish
from riffkit.provenance.recipe import Recipe
from riffkit.spectrogram.image import SpectrogramImage

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3, "bpm": 120.0}
RATE = 22_050


@pytest.fixture(scope="module")
def clip(golden_riff: Riff, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    made = golden_riff.generate("house, organ", bars=2, loop=True, **FAST)
    made.save(path)
    made.image.save(path.with_suffix(".png"))
    return path


def test_a_clip_is_as_loud_as_asked_when_it_is_cut(golden_riff: Riff) -> None:
    clip = golden_riff.generate("house", duration=1.3, loudness=-24, **FAST)
    assert integrated_lufs(clip.waveform, RATE) == pytest.approx(-24, abs=0.05)
    assert clip.recipe.arguments["loudness"] == -24


def test_peak_changes_nothing_but_the_gain(golden_riff: Riff, clip: Path) -> None:
    quiet = golden_riff.generate("house, organ", bars=2, loop=True, loudness=-40, **FAST).waveform
    peak = golden_riff.generate("house, organ", bars=2, loop=True, loudness="peak", **FAST).waveform
    assert true_peak_dbfs(peak, circular=True) == pytest.approx(-1, abs=1e-3)
    gain = float(peak.abs().max() / quiet.abs().max())
    assert torch.allclose(peak, quiet * gain, atol=1e-5)


@pytest.mark.parametrize("task", ["edit", "extend"])
def test_an_edited_clip_is_set_as_a_whole(golden_riff: Riff, clip: Path, task: str) -> None:
    part: dict[str, Any] = {"time": (0.5, 1)} if task == "edit" else {"bars": 1}
    own, _ = files.load(clip)
    kept = golden_riff.run(task, clip=clip, **part, **FAST)[0]
    assert torch.equal(kept.waveform[:, :9_000], own[:, :9_000])
    (asked,) = golden_riff.run(task, clip=clip, loudness=-26, **part, **FAST)
    assert integrated_lufs(asked.waveform, RATE) == pytest.approx(-26, abs=0.05)


def test_a_replay_is_as_loud(golden_riff: Riff, golden_folder: Path, tmp_path: Path) -> None:
    clip = golden_riff.generate("house", bars=1, loudness="peak", **FAST)
    clip.save(tmp_path / "a.wav")
    again = riffkit.replay(tmp_path / "a.wav", tmp_path / "b.wav", model=str(golden_folder))
    assert (again.same, again.compared) == (True, "bytes")


def test_a_table_may_say_it_in_text(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("prompt,loudness\nhouse,-14\nwaltz,peak\n")
    asked = [entry.call({}, seed=1).request.loudness for entry in read_batch(tmp_path / "list.csv")]
    assert asked == [-14, "peak"]


def test_a_decoded_image_is_as_loud_as_asked_and_has_no_notes(clip: Path) -> None:
    image = clip.with_suffix(".png")
    own = decode(image, quality="preview")
    assert integrated_lufs(own.waveform, RATE) == pytest.approx(-16, abs=0.1)
    assert own.notes == ()
    soft = decode(image, quality="preview", loudness=-30.0)
    assert integrated_lufs(soft.waveform, RATE) == pytest.approx(-30, abs=0.05)


def test_what_cannot_be_as_loud_says_how_loud_it_is(clip: Path) -> None:
    clicks = torch.zeros(1, RATE)
    clicks[:, ::5_000] = 0.5
    image = SpectrogramImage.open(clip.with_suffix(".png"))
    made = finish(
        clicks, image, Recipe("generate", {}), Ending(faded=False), circular=False, loudness=-6.0
    )
    (note,) = made.notes
    assert "LUFS instead of -6" in note
    assert true_peak_dbfs(made.waveform) <= -1


@pytest.mark.parametrize("wrong", ["loud", "-14", 3, float("nan"), True])
def test_a_loudness_is_a_number_or_peak(wrong: Any) -> None:
    with pytest.raises(ParameterError, match="must be LUFS between -40 and -5, or peak"):
        check_loudness(wrong)
