"""How many notes were heard right: precision, recall and F1, as mir_eval.transcription counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

TOLERANCE_SECONDS = 0.05
Onset = tuple[float, Hashable]
"""When it begins, in seconds, and what it is: a pitch, or a drum."""


@dataclass(frozen=True)
class Matched:
    """Counts of notes; those of several clips may be added."""

    n_right: int = 0
    n_heard: int = 0
    n_true: int = 0

    def __add__(self, other: Matched) -> Matched:
        return Matched(
            self.n_right + other.n_right, self.n_heard + other.n_heard, self.n_true + other.n_true
        )

    @property
    def precision(self) -> float:
        return self.n_right / self.n_heard if self.n_heard else float(not self.n_true)

    @property
    def recall(self) -> float:
        return self.n_right / self.n_true if self.n_true else float(not self.n_heard)

    @property
    def f1(self) -> float:
        """1 where there is nothing to hear and nothing was heard."""
        total = self.n_heard + self.n_true
        return 2 * self.n_right / total if total else 1.0


def match_notes(
    heard: Iterable[Onset],
    true: Iterable[Onset],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    period: float | None = None,
) -> Matched:
    """Pair notes of the same kind that begin within `tolerance` seconds, as many as can be.

    With a `period` time is circular, that of a loop of so many seconds.
    """
    by_kind: dict[Hashable, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for side, onsets in enumerate((heard, true)):
        for start, kind in onsets:
            by_kind[kind][side].append(start if period is None else start % period)
    total = Matched()
    for one, other in by_kind.values():
        n_right = _n_pairs(*_unrolled(one, other, period), tolerance)
        total += Matched(n_right, len(one), len(other))
    return total


def _n_pairs(one: list[float], other: list[float], tolerance: float) -> int:
    """The first two of either side that are near are paired: the most pairs there can be."""
    one, other = sorted(one), sorted(other)
    first = second = n_pairs = 0
    while first < len(one) and second < len(other):
        if abs(one[first] - other[second]) <= tolerance:
            first, second, n_pairs = first + 1, second + 1, n_pairs + 1
        elif one[first] < other[second]:
            first += 1
        else:
            second += 1
    return n_pairs


def _unrolled(
    one: list[float], other: list[float], period: float | None
) -> tuple[list[float], list[float]]:
    """The loop cut open in its widest gap."""
    times = sorted((*one, *other))
    if period is None or not times:
        return one, other
    ends = [*times[1:], times[0] + period]
    gaps = [end - begin for begin, end in zip(times, ends, strict=True)]
    cut = times[(gaps.index(max(gaps)) + 1) % len(times)]
    return [(t - cut) % period for t in one], [(t - cut) % period for t in other]
