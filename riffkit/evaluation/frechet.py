"""How far apart two sets of clips are: the Fréchet distance of their features.

Heusel et al. 2017 (arXiv:1706.08500) and Kilgour et al. 2019 (arXiv:1812.08466): the distance of
two normal distributions. Here features are first whitened on the reference and cut to its largest
principal components, so that no feature's scale decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

N_COMPONENTS = 32
_TINY = 1e-6

Rows = Float[np.ndarray, "clip feature"]
Components = Float[np.ndarray, "_clip _component"]


@dataclass(frozen=True, eq=False)
class Whitening:
    """The largest principal components of a reference, each of unit variance there."""

    mean: Float[np.ndarray, " feature"]
    basis: Float[np.ndarray, "feature component"]

    @classmethod
    def of(cls, rows: Rows, n_components: int = N_COMPONENTS) -> Whitening:
        """Compute it from at least two rows; few rows give fewer components."""
        mean = rows.mean(axis=0)
        _, sizes, directions = np.linalg.svd(rows - mean, full_matrices=False)
        n_kept = min(n_components, len(rows) - 1)
        scale = np.maximum(sizes[:n_kept] / np.sqrt(len(rows) - 1), _TINY)
        return cls(mean, directions[:n_kept].T / scale)

    def __call__(self, rows: Rows) -> Components:
        return np.asarray((rows - self.mean) @ self.basis)


def frechet_distance(first: Components, second: Components) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½) of two sets of at least two rows."""
    means = first.mean(axis=0) - second.mean(axis=0)
    one, other = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (first, second))
    # Σ₁Σ₂ has the eigenvalues of a positive matrix, whose roots' sum is the trace of its root
    eigenvalues = np.linalg.eigvals(one @ other)
    root_trace = np.sqrt(np.maximum(eigenvalues.real, 0)).sum()
    return float(max(0.0, means @ means + np.trace(one) + np.trace(other) - 2 * root_trace))


def split_floor(rows: Components, n_first: int, *, n_splits: int = 20, seed: int = 0) -> float:
    """The distance between two random parts of one set: `n_first` rows and the rest."""
    generator = np.random.default_rng(seed)
    distances = []
    for _ in range(n_splits):
        order = generator.permutation(len(rows))
        distances.append(frechet_distance(rows[order[:n_first]], rows[order[n_first:]]))
    return float(np.mean(distances))
