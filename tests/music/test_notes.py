"""What a user is told of the way a prompt was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from riffkit.models.pipeline import Pipeline
from riffkit.music.riff import Riff
from riffkit.music.run import run
from riffkit.music.session import Session
from riffkit.tasks.generate import GENERATE, GenerateRequest

FAST: Mapping[str, Any] = {"steps": 2, "quality": "preview", "seed": 3, "bars": 1}
UNKNOWN = "prompt: not known to this model: 'dubstep', 'wobble' (`riff words` lists what is)"
SINGING = "prompt: this model can't sing: 'vocals'"


@pytest.fixture
def listing(golden_riff: Riff) -> Pipeline:
    """A model that lists its words."""
    traits = replace(golden_riff.pipeline.traits, vocabulary={"instruments": ["organ", "bass"]})
    return replace(golden_riff.pipeline, traits=traits)


def notes_of(pipeline: Pipeline, prompt: str, **options: Any) -> tuple[str, ...]:
    request = GenerateRequest(prompt, **FAST, **options)
    return run(Session(pipeline), GENERATE, request)[0].notes


def test_what_a_model_does_not_know_is_said(listing: Pipeline) -> None:
    assert notes_of(listing, "dubstep, wobble bass with vocals") == (UNKNOWN, SINGING)
    assert notes_of(listing, "house, organ", negative_prompt="wobble, vocals") == ()


def test_a_bracket_that_is_not_closed_is_said(golden_riff: Riff) -> None:
    (note,) = notes_of(golden_riff.pipeline, "house, (organ:1.3")
    assert note == (
        r"prompt: the bracket of '(organ:1.3' isn't closed, so it is text; close it, or write \("
    )


def test_a_lora_may_know_more_and_so_may_a_model_that_lists_nothing(
    listing: Pipeline, golden_riff: Riff
) -> None:
    tuned = replace(listing, loras=({"name": "a", "sha256": "b", "weight": 1.0},))
    assert notes_of(tuned, "dubstep, vocals") == ()
    assert notes_of(golden_riff.pipeline, "dubstep, vocals") == ()
