"""How the benchmarks measure time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(work: Callable[[], object], n_runs: int) -> float:
    """The median wall time of some runs."""

    def seconds() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return statistics.median(seconds() for _ in range(n_runs))
