"""`riff eval` on a few prompts, with the bundled model at two steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from riffkit.audio import files
from riffkit.errors import OutputError, ParameterError
from riffkit.evaluation.judge import judge
from riffkit.evaluation.prompts import Evaluation
from riffkit.evaluation.reference import load_reference
from riffkit.evaluation.report import Judged
from riffkit.evaluation.run import folder_of, make_clips, open_clip, read_clips, sounds_of
from riffkit.evaluation.ways import judge_ways, n_steps, ways_of
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.score.stems import stems_of

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
    assert all(score.real is not None for name, score in scores.items() if name != "loudness")


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


BOTH = Evaluation(n_prompts=2, steps=1, n_solos=1)
COMPOSED = replace(BOTH, way="composed")


@pytest.fixture(scope="module")
def judged(
    tiny_guided: Pipeline, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Judged]]:
    """Both ways of a guided model."""
    folder, done = tmp_path_factory.mktemp("both"), list[int]()
    found = judge_ways(
        tiny_guided,
        BOTH,
        ("free", "composed"),
        folder,
        load_reference(),
        advance=lambda: done.append(1),
    )
    assert len(done) == n_steps(BOTH, ("free", "composed")) == 10
    return folder, found


@pytest.mark.slow
def test_composed_clips_are_painted_player_by_player_and_measured(
    judged: tuple[Path, list[Judged]],
) -> None:
    folder, (_, composed) = judged
    for path in composed.audio:
        made = open_clip(path)
        assert path.parent == folder_of(COMPOSED, folder) and made.score is not None
        players = stems_of(made.score)
        assert len(made.stems) == len(players) == len(list(path.with_suffix("").glob("*.png")))
        total = sum(files.load(one)[0] for one in path.with_suffix("").glob("*.flac"))
        assert torch.as_tensor(total - made.waveform).abs().max() < 0.01
    assert all(one.measures.mix_notes is not None for one in composed.readings)
    assert composed.readings[0].measures.drum_strokes is not None
    assert composed.readings[2].measures.drum_strokes is None
    again = list(read_clips(COMPOSED, folder_of(COMPOSED, folder)))
    assert [one.measures for one in again] == [one.measures for one in composed.readings]


@pytest.mark.slow
def test_both_ways_are_judged_in_one_run(judged: tuple[Path, list[Judged]]) -> None:
    free, composed = ({score.name for score in one.scores} for one in judged[1])
    assert "one track alone" in composed and "one track alone" not in free
    assert {"instruments", "loudness", "Fréchet distance"} <= free & composed
    assert "notes in the mix, F1" in composed and "notes in the mix, F1" not in free
    assert [len(one.audio) for one in judged[1]] == [2, 3]
    assert (judged[0] / "002.flac").exists() and (judged[0] / "composed" / "003.flac").exists()


def test_what_is_asked_in_the_composed_way() -> None:
    asked = COMPOSED.requests()
    assert len(asked) == COMPOSED.n_clips == 3 and BOTH.n_clips == 2
    assert asked[-1][0].text == "solo piano" and all(request.stems for _, request in asked)
    seeds = [prompt.seed for prompt, _ in asked]  # of the scores, whatever the list's order
    assert [request.seed for _, request in asked] == seeds


def test_a_guided_model_is_asked_in_both_ways(tiny_guided: Pipeline) -> None:
    assert ways_of(None, tiny_guided) == ways_of("both", tiny_guided) == ("free", "composed")
    assert ways_of("composed", tiny_guided) == ("composed",)


def test_an_unguided_model_is_asked_freely_unless_told(tiny: Pipeline) -> None:
    assert ways_of(None, tiny) == ("free",)
    assert ways_of("both", tiny) == ("free", "composed")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"way": "compsed"}, "way='compsed' is unknown; did you mean 'composed'"),
        ({"n_solos": 99}, "solos=99: must be between 0 and 53"),
    ],
)
def test_a_way_that_there_is_not_is_one_line(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        Evaluation(**values)
