"""Batches for a training step: fields with a row per item, which can be split among processes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TypeVar

_RowsT = TypeVar("_RowsT", bound="Rows")


@dataclass(frozen=True)
class Rows:
    """Base of batches. Every field is a tensor whose first axis is the batch."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self: _RowsT, rows: slice) -> _RowsT:
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class Share:
    """Some rows of a step's batch, and how much they count in it."""

    rows: slice
    weight: float


def shares(n_rows: int, process: int, n_processes: int, n_parts: int = 1) -> list[Share]:
    """The rows of one process in up to `n_parts` parts, as even as can be.

    The weights of all processes sum to 1. A process that there is no row for computes the first
    one, which counts nothing there, so that all have the same figures to add up.
    """
    first, last = n_rows * process // n_processes, n_rows * (process + 1) // n_processes
    n_own = last - first
    if not n_own:
        return [Share(slice(0, 1), 0.0)]
    ends = [first + n_own * part // n_parts for part in range(n_parts + 1)]
    return [Share(slice(a, b), (b - a) / n_rows) for a, b in pairwise(ends) if b > a]
