"""Judges a model in the ways that it can be asked: from words alone, or after composed scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from riffkit.evaluation.judge import judge
from riffkit.evaluation.prompts import BOTH, COMPOSED, FREE, Evaluation
from riffkit.evaluation.reference import Reference
from riffkit.evaluation.report import Judged
from riffkit.evaluation.run import folder_of, make_clips, read_clips
from riffkit.models.pipeline import Pipeline


def ways_of(way: str | None, pipeline: Pipeline) -> tuple[str, ...]:
    """The ways that a name stands for; without one both for a guided model, else the free one.

    A model without input for guides can be asked in both: its painting starts from the guide.
    """
    if way == BOTH or (way is None and pipeline.guide_channels):
        return FREE, COMPOSED
    return (way or FREE,)


def judge_ways(
    pipeline: Pipeline,
    evaluation: Evaluation,
    ways: Sequence[str],
    folder: Path,
    reference: Reference,
    *,
    sounds: Float[np.ndarray, "clip feature"] | None = None,
    advance: Callable[[], object] = lambda: None,
) -> list[Judged]:
    """Make the clips that are missing, and judge them, way by way.

    Args:
        pipeline: the model.
        evaluation: what to make, in whatever way.
        ways: "free", "composed".
        folder: for the clips; those of composed scores go to a folder in it.
        reference: what real renders measure.
        sounds: features of other real sounds, as in `judge`.
        advance: called for each clip that is made, and again for each that is judged.

    Returns:
        What was found, in the order of the ways.

    Raises:
        ParameterError: the folder has clips of another model or with other options.
        OutputError: it can't be written to.
    """
    found = []
    for way in ways:
        asked = replace(evaluation, way=way)
        place = folder_of(asked, folder)
        audio, readings = [], []
        for path in make_clips(pipeline, asked, place):
            audio.append(path)
            advance()
        for reading in read_clips(asked, place):
            readings.append(reading)
            advance()
        scores = judge(readings, reference, evaluation=asked, sounds=sounds)
        prompts = [prompt for prompt, _ in asked.requests()]
        found.append(Judged(way, scores, prompts, readings, audio))
    return found


def n_steps(evaluation: Evaluation, ways: Sequence[str]) -> int:
    """How often `advance` is called."""
    return sum(2 * replace(evaluation, way=way).n_clips for way in ways)
