"""The renders that composed clips are compared with: of which scores they are, and how loud."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from riffkit.audio.loudness import integrated_lufs
from riffkit.evaluation.prompts import COMPOSED, Evaluation
from riffkit.evaluation.renders import PATH, load_renders
from riffkit.models.pipeline import Pipeline
from riffkit.music.run import prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.stems import stems_of
from riffkit.tasks.generate import GENERATE
from train.judges.renders import composed_prompts, mixed, score_of
from train.sounds.render_score import SAMPLE_RATE, loop_samples


def test_they_are_of_the_scores_that_are_painted(tiny: Pipeline) -> None:
    for _, request in Evaluation(2, way=COMPOSED, n_solos=1).requests():
        plan = prepare(Session(tiny), Call(GENERATE, request, {})).plan
        assert plan.score == score_of(request)


def test_all_lists_and_all_instruments_are_rendered() -> None:
    asked = [prompt.text for prompt, _ in composed_prompts()]
    assert len(asked) == len(INSTRUMENTS) + 200 + 100
    assert asked[: len(INSTRUMENTS)] == [f"solo {name}" for name in INSTRUMENTS]


def test_the_bundled_ones_are_of_todays_scores() -> None:
    """Where this fails the composer writes other scores: `riff train renders` makes them anew."""
    renders = load_renders()
    known = [renders.of(score_of(request)) for _, request in composed_prompts()[:60:6]]
    assert sum(one is not None for one in known) >= 8
    assert PATH.stat().st_size < 300_000
    for one in known:
        if one is not None:
            assert one.chroma.shape[1] == 12 and one.chroma.max() == 1
            assert one.measures.loudness_lufs == pytest.approx(-16, abs=1.5)


def test_a_mix_is_as_loud_as_clips_and_its_players_add_up_to_it() -> None:
    score = score_of(composed_prompts()[len(INSTRUMENTS)][1])
    generator = np.random.default_rng(0)
    n_samples = loop_samples(score)
    dry = [generator.normal(0, 0.1, (2, n_samples)).astype(np.float32) for _ in stems_of(score)]
    heard = mixed(dry, score)
    assert integrated_lufs(heard.mix, SAMPLE_RATE) == pytest.approx(-16, abs=0.5)
    if not score.mix.crackle:
        torch.testing.assert_close(sum(heard.stems), heard.mix, rtol=0, atol=1e-3)
