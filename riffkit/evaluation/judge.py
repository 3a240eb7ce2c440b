"""Judges clips: does each match its prompt, and what are they like as a set?

The scores of real renders of the same prompts (reference.py) are printed alongside, because no
judge is perfect. Intervals are bootstraps over the clips (Efron 1979), centered on the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from riffkit.evaluation.frechet import Components, Whitening, frechet_distance, split_floor
from riffkit.evaluation.reading import ASPECTS, Adherence, Reading
from riffkit.evaluation.reference import Reference

N_RESAMPLES = 300


@dataclass(frozen=True)
class Score:
    """One line of the report for `n` clips: a figure, its 95 % bootstrap interval, and the score of
    real renders.
    """

    name: str
    value: float
    low: float
    high: float
    real: float | None = None
    n: int = 0

    @property
    def ratio(self) -> float | None:
        """The figure as a fraction of the real renders' score."""
        return self.value / self.real if self.real else None


def judge(
    readings: Sequence[Reading],
    reference: Reference,
    *,
    sounds: Float[np.ndarray, "clip feature"] | None = None,
) -> list[Score]:
    """All scores of clips made for the first prompts, in the prompts' order.

    The Fréchet distance is to other renders, or to the clips with features `sounds`; its reference
    value is the distance between two parts of those.
    """
    n = len(readings)
    scores = [
        _aspect_score(name, [r.adherence for r in readings], reference.adherence[:n])
        for name in ASPECTS
    ]
    heard = np.stack([r.sound for r in readings])
    own, others = reference.whitening(heard), reference.other_sounds
    scores.append(_set_score("diversity", own, _mean_distance, _mean_distance(others)))
    if sounds is not None:
        whitening = Whitening.of(sounds)
        own, others = whitening(heard), whitening(sounds)
    floor = split_floor(others, min(n, len(others) // 2))
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
    return [score for score in scores if score.n]


def _aspect_score(name: str, own: Sequence[Adherence], real: Sequence[Adherence]) -> Score:
    values = [x for a in own if (x := getattr(a, name)) is not None]
    real_values = [x for a in real if (x := getattr(a, name)) is not None]
    mean_real = float(np.mean(real_values)) if real_values else None
    if not values:
        return Score(name, float("nan"), float("nan"), float("nan"), mean_real)
    return _set_score(name, np.array(values)[:, None], lambda rows: float(rows.mean()), mean_real)


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
