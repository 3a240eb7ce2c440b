"""Scores of readings that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from riffkit.errors import ModelError, ParameterError
from riffkit.evaluation.adherence import Adherence
from riffkit.evaluation.frechet import Whitening
from riffkit.evaluation.genre import write_genre_report
from riffkit.evaluation.judge import Score, judge
from riffkit.evaluation.measures import Measures
from riffkit.evaluation.prompts import EvalPrompt, Evaluation, eval_prompts
from riffkit.evaluation.reading import Reading
from riffkit.evaluation.reference import Reference, load_reference
from riffkit.evaluation.renders import Coded, Render, Renders, digest, load_renders
from riffkit.evaluation.report import Judged, summary, write_report
from riffkit.evaluation.tuned import Judging, judge_tuned
from riffkit.score import write_score

N_FEATURES = 12
GOOD = Adherence(0.8, 1.0, 1.0, None, 1.0, 1.0, 0.9)


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, N_FEATURES))


@pytest.fixture
def reference() -> Reference:
    sounds, trained = rows(80, 0), rows(60, 1)
    whitening, basis = Whitening.of(sounds, 4), Whitening.of(trained, 4)
    return Reference(
        adherence=(GOOD,) * 40,
        whitening=whitening,
        other_sounds=whitening(sounds),
        picture_basis=basis,
        twin_pictures=basis(rows(40, 2)),
        trained_pictures=basis(trained),
    )


def readings(adherence: Adherence = GOOD, shift: float = 0.0) -> list[Reading]:
    sounds, pictures = rows(40, 3) + shift, rows(40, 4)
    return [Reading(adherence, s, p) for s, p in zip(sounds, pictures, strict=True)]


def by_name(scores: list[Score]) -> dict[str, Score]:
    return {score.name: score for score in scores}


def test_clips_like_the_real_ones_score_like_them(reference: Reference) -> None:
    scores = by_name(judge(readings(), reference))
    assert "density" not in scores  # no prompt said anything of it
    assert scores["instruments"].value == pytest.approx(0.8) == scores["instruments"].real
    assert scores["key"].ratio == pytest.approx(1)
    distance = scores["Fréchet distance"]
    assert distance.real and distance.value < 3 * distance.real
    assert distance.low < distance.value < distance.high
    assert scores["nearest training loop, 5th percentile"].ratio == pytest.approx(1, abs=0.5)


def test_what_is_missed_is_seen(reference: Reference) -> None:
    bad = replace(GOOD, instruments=0.2, style=0.0, key=0.0)
    half = [*readings()[:20], *readings(bad)[20:]]
    scores = by_name(judge(half, reference))
    assert scores["instruments"].value == pytest.approx(0.5)
    assert scores["style"].value == pytest.approx(0.5)
    assert 0.3 < scores["style"].low < 0.5 < scores["style"].high < 0.7


def test_other_music_lies_far_away(reference: Reference) -> None:
    near = by_name(judge(readings(), reference))["Fréchet distance"]
    far = by_name(judge(readings(shift=2.0), reference))["Fréchet distance"]
    assert far.low > 2 * near.high


def test_copies_are_found(reference: Reference) -> None:
    trained = rows(60, 1)
    copies = [replace(r, picture=trained[k] + 0.01) for k, r in enumerate(readings())]
    score = by_name(judge(copies, reference))["nearest training loop, 5th percentile"]
    assert score.ratio is not None and score.ratio < 0.1


def test_sounds_of_ones_own_are_the_measure(reference: Reference) -> None:
    own = rows(30, 9) + 2.0
    near = by_name(judge(readings(shift=2.0), reference, sounds=own))["Fréchet distance"]
    far = by_name(judge(readings(), reference, sounds=own))["Fréchet distance"]
    assert far.value > 2 * near.value


def test_a_reference_comes_back_from_its_file(reference: Reference, tmp_path: Path) -> None:
    reference.save(tmp_path / "reference.safetensors")
    loaded = load_reference(tmp_path / "reference.safetensors")
    assert loaded.adherence == reference.adherence
    np.testing.assert_allclose(loaded.other_sounds, reference.other_sounds, atol=2e-3)
    expected = judge(readings(), reference)
    for one, other in zip(judge(readings(), loaded), expected, strict=True):
        assert one.value == pytest.approx(other.value, rel=0.02, abs=0.02)


def test_a_missing_reference_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"reference\.safetensors can't be read"):
        load_reference(tmp_path / "reference.safetensors")


def test_the_report_tells_all(reference: Reference, tmp_path: Path) -> None:
    own = readings()
    prompts: tuple[EvalPrompt, ...] = eval_prompts()[: len(own)]
    scores = judge(own, reference)
    audio = [tmp_path / f"{k:03d}.flac" for k in range(len(own))]
    found = Judged("free", scores, prompts, own, audio)
    page = write_report(tmp_path, "a <model>", [found]).read_text("utf-8")
    table = (tmp_path / "report.md").read_text("utf-8")
    for score in scores:
        assert f"| {score.name} | {score.value:.3f} |" in table
        assert score.name in page
    assert "a &lt;model&gt;" in page and page.count("<audio") == len(own)
    assert "src='000.png'" in page
    assert any(line.startswith("instruments: 0.800") for line in summary([found]))
    write_report(tmp_path, "again", [found])
    assert "again" in (tmp_path / "report.html").read_text("utf-8")


COMPOSED = Evaluation(38, way="composed", n_solos=2)
MEASURES = Measures(melody_notes=0.5, rise_ms=4.0)


def composed_readings() -> list[Reading]:
    """Of which every second has a render of its score."""
    real = Render(
        replace(GOOD, instruments=0.9),
        Measures(melody_notes=0.8, rise_ms=2.0),
        np.ones((32, 12)),
        Coded(replace(GOOD, instruments=0.7), Measures(rise_ms=3.0)),
    )
    return [
        replace(r, measures=MEASURES, render=real if k % 2 else None)
        for k, r in enumerate(readings())
    ]


def test_composed_clips_stand_beside_renders_of_their_own_scores(reference: Reference) -> None:
    scores = by_name(judge(composed_readings(), reference, evaluation=COMPOSED))
    heard, alone = scores["instruments"], scores["one track alone"]
    assert (heard.real, heard.coded, heard.n) == (pytest.approx(0.9), pytest.approx(0.7), 38)
    assert (alone.real, alone.coded, alone.n) == (pytest.approx(0.9), pytest.approx(0.7), 2)
    notes, rise = scores["melody's notes, F1"], scores["rise of hits"]
    assert (notes.value, notes.real, notes.ratio) == (0.5, pytest.approx(0.8), pytest.approx(0.625))
    assert (rise.value, rise.real, rise.coded, rise.unit) == (4.0, 2.0, 3.0, "ms")
    assert rise.ratio is None  # of times and decibels a ratio says nothing
    assert "drums' strokes, F1" not in scores


def test_held_out_prompts_are_not_compared_with_the_fixed_ones(reference: Reference) -> None:
    asked = Evaluation(40, prompt_list="held-out")
    scores = by_name(judge(readings(), reference, evaluation=asked))
    assert scores["instruments"].real is None
    twins = replace(reference, held_out=(replace(GOOD, instruments=0.6),) * 40)
    scores = by_name(judge(readings(), twins, evaluation=asked))
    assert scores["instruments"].real == pytest.approx(0.6)


def test_two_ways_stand_beside_each_other(reference: Reference, tmp_path: Path) -> None:
    own = readings()
    free = Judged(
        "free",
        judge(own, reference),
        eval_prompts()[:40],
        own,
        [tmp_path / f"{k:03d}.flac" for k in range(40)],
    )
    other = composed_readings()
    composed = Judged(
        "composed",
        judge(other, reference, evaluation=COMPOSED),
        [prompt for prompt, _ in COMPOSED.requests()],
        other,
        [tmp_path / "composed" / f"{k:03d}.flac" for k in range(40)],
    )
    page = write_report(tmp_path, "both", [free, composed]).read_text("utf-8")
    table = (tmp_path / "report.md").read_text("utf-8")
    assert "|  | free | composed |" in table
    assert "| instruments | 0.800 | 0.800 |" in table and "| rise of hits, ms |  | 4.000 |" in table
    assert "src='composed/000.png'" in page and "solo piano" in page
    (line,) = [one for one in summary([free, composed]) if one.startswith("instruments")]
    assert "free 0.800 (real renders: 0.800), composed 0.800 (real renders: 0.900)" in line


def test_renders_come_back_from_their_file(tmp_path: Path) -> None:
    score = write_score(3)
    (other,) = [r.render for r in composed_readings()[1:2]]
    assert other is not None
    chroma = np.linspace(0, 1, 32 * 12).reshape(32, 12)
    Renders({digest(score): replace(other, chroma=chroma)}, "riff-mini 2").save(tmp_path / "r")
    loaded = load_renders(tmp_path / "r")
    found = loaded.of(score)
    assert loaded.coder == "riff-mini 2" and found is not None and loaded.of(write_score(4)) is None
    assert (found.adherence, found.measures, found.coded) == (
        other.adherence,
        other.measures,
        other.coded,
    )
    np.testing.assert_allclose(found.chroma, chroma, atol=1 / 255)
    with pytest.raises(ModelError, match="reinstall riffkit"):
        load_renders(tmp_path / "gone")


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_another_s_report_is_not_replaced(reference: Reference, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<h1>My year</h1>")
    own = readings()
    prompts, audio = eval_prompts()[: len(own)], [tmp_path / "1.flac"] * len(own)
    says = rf"contains a {name} that isn't riffkit's; choose another folder$"
    with pytest.raises(ParameterError, match=says):
        found = Judged("free", judge(own, reference), prompts, own, audio)
        write_report(tmp_path, "mine", [found])
    with pytest.raises(ParameterError, match=says):  # before the dataset is looked at
        judge_tuned(tmp_path, tmp_path / "gone", Judging("x"), model="mini")
    with pytest.raises(ParameterError, match=says):
        write_genre_report(tmp_path, "x", [])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["<h1>My year</h1>"]
