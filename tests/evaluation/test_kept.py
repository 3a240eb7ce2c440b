"""What a tuned model still knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riffkit.evaluation.adherence import ASPECTS, Adherence
from riffkit.evaluation.kept import at_half_weight, kept
from riffkit.evaluation.reading import Reading


def reading(**found: float) -> Reading:
    values: dict[str, Any] = {**dict.fromkeys(ASPECTS), **found}
    return Reading(Adherence(**values), np.zeros(4), np.zeros(4))


def test_aspects_count_alike_and_only_where_both_were_asked() -> None:
    base = [reading(style=1.0, drums=1.0), reading(style=0.0)]
    tuned = [reading(style=0.5, drums=0.0), reading(style=0.0, drums=1.0)]
    found = kept(base, tuned)
    assert found.aspects == {"style": (0.5, 0.25), "drums": (1.0, 0.0)}
    assert (found.base, found.tuned) == pytest.approx((0.75, 0.125))
    assert "-62.5 points" in found.lines()[0]


def test_half_of_each_weight() -> None:
    assert at_half_weight(["run/", "other:0.8"]) == [(Path("run"), 0.5), (Path("other"), 0.4)]
