"""Notes are counted as mir_eval.transcription counts them, and round the ends of a loop."""

from __future__ import annotations

import itertools
import random

import pytest

from riffkit.evaluation.note_match import Matched, match_notes


def test_a_note_is_right_if_its_pitch_is_and_it_begins_in_time() -> None:
    true = [(0.0, 60), (1.0, 62), (2.0, 64)]
    heard = [(0.04, 60), (1.06, 62), (2.0, 65), (2.5, 64)]
    found = match_notes(heard, true)
    assert found == Matched(n_right=1, n_heard=4, n_true=3)
    assert (found.precision, found.recall) == (1 / 4, 1 / 3)
    assert found.f1 == pytest.approx(2 / 7)


def test_each_note_is_paired_once() -> None:
    assert match_notes([(0.0, 60), (0.01, 60)], [(0.0, 60)]).n_right == 1
    assert match_notes([(0.03, 60), (0.06, 60)], [(0.0, 60), (0.05, 60)]).n_right == 2


@pytest.mark.parametrize("seed", range(20))
def test_as_many_notes_are_paired_as_can_be(seed: int) -> None:
    rng = random.Random(seed)
    heard, true = ([rng.uniform(0, 0.3) for _ in range(5)] for _ in range(2))
    best = max(
        sum(abs(a - b) <= 0.05 for a, b in zip(heard, order, strict=True))
        for order in itertools.permutations(true)
    )
    assert match_notes([(t, 1) for t in heard], [(t, 1) for t in true]).n_right == best


def test_a_loop_is_cut_nowhere() -> None:
    assert match_notes([(3.98, "kick")], [(0.0, "kick")], period=4.0).n_right == 1
    assert match_notes([(3.98, "kick")], [(0.0, "kick")]).n_right == 0
    assert match_notes([(-0.02, 60), (1.98, 60)], [(0.0, 60), (2.0, 60)], period=4.0).n_right == 2


def test_nothing_heard_of_nothing_is_right() -> None:
    assert match_notes([], []).f1 == 1
    assert match_notes([(0.0, 60)], []).f1 == 0
    assert (Matched(1, 2, 3) + Matched(1, 1, 1)) == Matched(2, 3, 4)
