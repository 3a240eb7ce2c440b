"""Fréchet distances whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from riffkit.evaluation.frechet import Whitening, frechet_distance, split_floor


def normal(n: int, mean: np.ndarray, scale: np.ndarray, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, len(mean)))
    rows = (rows - rows.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    return rows * scale + mean


def test_of_normal_distributions_it_is_the_closed_form() -> None:
    one = normal(50, np.array([1.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0]), 0)
    other = normal(70, np.array([0.0, 2.0, 2.0]), np.array([2.0, 2.0, 1.0]), 1)
    expected = (1 + 4) + (1 - 2) ** 2 + (3 - 1) ** 2
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_a_set_is_no_distance_from_itself() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 5))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-6)


def test_the_reference_becomes_white() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 6)) @ np.diag([100, 10, 1, 1, 0.1, 0.01])
    white = Whitening.of(rows, n_components=4)(rows)
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-9)


def test_the_floor_is_what_chance_gives() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 8))
    floor = split_floor(rows, 200)
    other = np.random.default_rng(1).normal(size=(200, 8))
    assert floor == pytest.approx(frechet_distance(rows[:200], other), rel=0.8)
    assert frechet_distance(rows, other + 0.5) > 5 * floor
