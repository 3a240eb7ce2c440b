"""Judges clips: does each match its prompt, and what are they like as a set?

The scores of real renders of the same prompts (reference.py) are printed alongside, because no
judge is perfect. Intervals are bootstraps over the clips (Efron 1979), centered on the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from riffkit.evaluation.adherence import ASPECTS, Adherence
from riffkit.evaluation.frechet import Components, Whitening, frechet_distance, split_floor
from riffkit.evaluation.measures import Measure, measure_names
from riffkit.evaluation.prompts import COMPOSED, Evaluation
from riffkit.evaluation.reading import Reading
from riffkit.evaluation.reference import Reference

N_RESAMPLES = 300


@dataclass(frozen=True)
class Score:
    """One line of the report for `n` clips: a figure, its 95 % bootstrap interval, and the score of
    real renders. `coded` is that of the same renders after an autoencoder. Without a `unit` it is a
    share of 1 or a distance.
    """

    name: str
    value: float
    low: float
    high: float
    real: float | None = None
    n: int = 0
    unit: str = ""
    coded: float | None = None

    @property
    def ratio(self) -> float | None:
        """The figure as a fraction of the real renders' score; None of decibels and the like."""
        return self.value / self.real if self.real and not self.unit else None


def judge(
    readings: Sequence[Reading],
    reference: Reference,
    *,
    evaluation: Evaluation | None = None,
    sounds: Float[np.ndarray, "clip feature"] | None = None,
) -> list[Score]:
    """All scores of the clips of an evaluation, by default of the first fixed prompts.

    Composed clips are compared with real renders of their own scores, others with renders of the
    prompts' facts. The Fréchet distance is to other renders, or to the clips with features
    `sounds`; its reference value is the distance between two parts of those.
    """
    evaluation = evaluation or Evaluation(max(2, len(readings)))
    bands, alone = readings[: evaluation.n_prompts], readings[evaluation.n_prompts :]
    if evaluation.way == COMPOSED:
        real, coded = _rendered(bands)
    else:
        real, coded = list(reference.twins(evaluation.prompt_list)[: len(bands)]), []
    scores = [_aspect_score(name, [r.adherence for r in bands], real, coded) for name in ASPECTS]
    scores.append(_alone_score(alone))
    scores += [_measure_score(field, one, readings) for field, one in measure_names().items()]
    return [score for score in (*scores, *_as_a_set(bands, reference, sounds)) if score.n]


def _alone_score(readings: Sequence[Reading]) -> Score:
    """How many instruments are recognized when each plays alone."""
    score = _aspect_score("instruments", [r.adherence for r in readings], *_rendered(readings))
    return replace(score, name="one track alone")


def _rendered(readings: Sequence[Reading]) -> tuple[list[Adherence], list[Adherence]]:
    """How well the renders of the clips' scores follow the prompts: as they are, and coded."""
    renders = [r.render for r in readings if r.render is not None]
    return [r.adherence for r in renders], [r.coded.adherence for r in renders if r.coded]


def _measure_score(field: str, measure: Measure, readings: Sequence[Reading]) -> Score:
    """The mean of the clips that have such a figure."""
    values = [x for r in readings if (x := getattr(r.measures, field)) is not None]
    renders = [r.render for r in readings if r.render is not None]
    real = [x for render in renders if (x := getattr(render.measures, field)) is not None]
    coded = [x for r in renders if r.coded and (x := getattr(r.coded.measures, field)) is not None]
    score = _mean_score(measure.name, values, _mean(real))
    return replace(score, unit=measure.unit, coded=_mean(coded))


def _as_a_set(
    readings: Sequence[Reading],
    reference: Reference,
    sounds: Float[np.ndarray, "clip feature"] | None,
) -> list[Score]:
    """How different clips are, how near to real ones, and whether they are copies."""
    if len(readings) < 2:
        return []
    heard = np.stack([r.sound for r in readings])
    own, others = reference.whitening(heard), reference.other_sounds
    scores = [_set_score("diversity", own, _mean_distance, _mean_distance(others))]
    if sounds is not None:
        whitening = Whitening.of(sounds)
        own, others = whitening(heard), whitening(sounds)
    floor = split_floor(others, min(len(readings), len(others) // 2))
    scores.append(
        _set_score("Fréchet distance", own, lambda rows: frechet_distance(rows, others), floor)
    )
    pictures = reference.picture_basis(np.stack([r.picture for r in readings]))
    nearest = _nearest(pictures, reference.trained_pictures)
    nearest_real = _nearest(reference.twin_pictures, reference.trained_pictures)
    scores.append(
        _set_score(
            "nearest training loop, 5th percentile",
            nearest[:, None],
            _fifth_percentile,
            _fifth_percentile(nearest_real[:, None]),
        )
    )
    return scores


def _aspect_score(
    name: str, own: Sequence[Adherence], real: Sequence[Adherence], coded: Sequence[Adherence]
) -> Score:
    values, of_real, of_coded = (
        [x for a in some if (x := getattr(a, name)) is not None] for some in (own, real, coded)
    )
    return replace(_mean_score(name, values, _mean(of_real)), coded=_mean(of_coded))


def _mean_score(name: str, values: Sequence[float], real: float | None) -> Score:
    if not values:
        return Score(name, float("nan"), float("nan"), float("nan"), real)
    return _set_score(name, np.array(values)[:, None], lambda rows: float(rows.mean()), real)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _set_score(
    name: str, rows: Components, measure: Callable[[Components], float], real: float | None
) -> Score:
    """A figure of a set of clips, and where 95 % of its bootstrap lie."""
    generator = np.random.default_rng(0)
    draws = generator.integers(len(rows), size=(N_RESAMPLES, len(rows)))
    value = measure(rows)
    found = np.array([measure(rows[draw]) for draw in draws])
    found += value - found.mean()  # a resample has fewer different clips, and is biased by that
    low, high = np.percentile(found, (2.5, 97.5))
    return Score(name, value, float(low), float(high), real, len(rows))


def _mean_distance(rows: Components) -> float:
    """Of all pairs."""
    distances = torch.pdist(torch.from_numpy(np.ascontiguousarray(rows)))
    apart = distances[distances > 0]
    return float(apart.mean()) if len(apart) else 0.0


def _nearest(rows: Components, others: Components) -> Float[np.ndarray, " clip"]:
    distances = torch.cdist(
        torch.from_numpy(np.ascontiguousarray(rows, np.float32)),
        torch.from_numpy(np.ascontiguousarray(others, np.float32)),
    )
    return distances.amin(dim=1).numpy()


def _fifth_percentile(rows: Components) -> float:
    return float(np.percentile(rows, 5))
