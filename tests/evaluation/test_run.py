"""`riff eval` on a few prompts, with the bundled model at two steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from riffkit.audio import files
from riffkit.errors import OutputError, ParameterError
from riffkit.evaluation.judge import judge
from riffkit.evaluation.prompts import Evaluation
from riffkit.evaluation.reference import load_reference
from riffkit.evaluation.run import make_clips, read_clips, sounds_of
from riffkit.models.pipeline import load_pipeline

EVALUATION = Evaluation(n_prompts=3, steps=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval") / "clips"
    list(make_clips(load_pipeline("mini", device="cpu"), EVALUATION, folder))
    return folder


def test_every_prompt_gets_its_clip_and_its_scores(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{n:03d}.{kind}" for n in (1, 2, 3) for kind in ("flac", "png")]
    for prompt, request in EVALUATION.requests():
        assert request.prompt == prompt.text and request.loop and request.bpm == prompt.bpm
    scores = {
        score.name: score for score in judge(list(read_clips(EVALUATION, folder)), load_reference())
    }
    assert {"instruments", "style", "drums", "on_grid", "Fréchet distance", "diversity"} <= set(
        scores
    )
    assert all(score.real is not None for score in scores.values())


def test_what_is_there_is_kept(folder: Path) -> None:
    path = folder / "002.flac"
    before = path.stat().st_mtime_ns
    (folder / "001.flac").unlink()
    list(make_clips(load_pipeline("mini", device="cpu"), EVALUATION, folder))
    assert path.stat().st_mtime_ns == before and (folder / "001.flac").exists()


def test_clips_made_otherwise_are_refused(folder: Path) -> None:
    pipeline = load_pipeline("mini", device="cpu")
    for other in (replace(EVALUATION, steps=3), replace(EVALUATION, seed=7)):
        with pytest.raises(ParameterError, match=r"001\.flac.*empty folder"):
            list(make_clips(pipeline, other, folder))


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="prompts=1"):
        Evaluation(n_prompts=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        next(make_clips(load_pipeline("mini", device="cpu"), EVALUATION, tmp_path / "file"))
    with pytest.raises(ParameterError, match="contains 1 audio files; at least 4"):
        files.save(tmp_path / "one.wav", torch.rand(1, 4_000) - 0.5, 44_100)
        sounds_of(tmp_path)


def test_a_folder_of_audio_has_sounds(tmp_path: Path) -> None:
    for index in range(4):
        noise = torch.rand(1, 44_100, generator=torch.Generator().manual_seed(index)) - 0.5
        files.save(tmp_path / f"{index}.wav", noise, 44_100)
    assert sounds_of(tmp_path).shape == (4, 561)
    long = torch.cat([files.load(tmp_path / f"{k % 4}.wav")[0] for k in range(14)], dim=-1)
    files.save(tmp_path / "long.wav", long, 44_100)
    assert sounds_of(tmp_path).shape == (6, 561)  # two pieces of six seconds
