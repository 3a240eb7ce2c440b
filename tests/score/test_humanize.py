"""Played as people do: a little uneven, never out of order, and still a loop."""

from __future__ import annotations

import itertools
import statistics

import pytest

from riffkit.errors import ParameterError
from riffkit.score import Score
from riffkit.score.brief import Brief
from riffkit.score.compose import compose
from riffkit.score.humanize import humanize
from riffkit.score.styles import STYLES

LONG = compose(Brief(style="rock", density="dense"), bars=32, seed=2)


def shifts_ms(score: Score, amount: float, instrument: str | None = None) -> list[float]:
    """How far strokes moved, in milliseconds; notes keep their order within a voice."""
    found = []
    for before, after in zip(score.tracks, humanize(score, amount, 1).tracks, strict=True):
        if instrument in (None, before.instrument):
            for pitch in {note.pitch for note in before.notes}:
                ones, others = (
                    [n for n in track.notes if n.pitch == pitch] for track in (before, after)
                )
                pairs = zip(ones, others, strict=True)
                found += [(b.start - a.start) * 60000 / score.bpm for a, b in pairs]
    return found


def test_none_changes_nothing_and_a_seed_is_a_way_to_play():
    assert humanize(LONG, 0.0, 5) is LONG
    assert humanize(LONG, 0.5, 5) == humanize(LONG, 0.5, 5) != humanize(LONG, 0.5, 6)
    with pytest.raises(ParameterError, match=r"humanize=1\.2: must be between 0 and 1"):
        humanize(LONG, 1.2)


def test_a_few_milliseconds_more_where_more_is_asked_for():
    spread = {amount: statistics.pstdev(shifts_ms(LONG, amount)) for amount in (0.25, 0.5, 1.0)}
    assert spread[0.25] < spread[0.5] < spread[1.0]
    assert 2 < spread[0.5] < 6 < spread[1.0] < 12


def test_the_kick_keeps_time_best():
    kick, hats = (statistics.pstdev(shifts_ms(LONG, 1.0, name)) for name in ("kick", "hats"))
    assert kick < hats


def test_it_drifts_neighbours_are_alike():
    """Correlated, unlike dice: the difference of neighbours is less than that of any two."""
    track = next(k for k, t in enumerate(LONG.tracks) if t.instrument == "kick")
    moved = humanize(LONG, 1.0, 1).tracks[track].notes
    late = [b.start - a.start for a, b in zip(LONG.tracks[track].notes, moved, strict=True)]
    neighbours = statistics.mean(abs(a - b) for a, b in itertools.pairwise(late))
    far = statistics.mean(abs(a - b) for a, b in zip(late, late[len(late) // 2 :], strict=False))
    assert neighbours < 0.8 * far


@pytest.mark.parametrize("style", STYLES)
def test_order_and_the_loop_are_kept(style: str):
    score = compose(Brief(style=style, density="dense"), bars=4, seed=3)
    for seed in range(5):
        for before, after in zip(score.tracks, humanize(score, 1.0, seed).tracks, strict=True):
            assert len(before.notes) == len(after.notes)
            by_pitch: dict[int, list[tuple[float, float]]] = {}
            for note in after.notes:
                assert 0 <= note.start < note.start + note.duration <= score.n_beats + 1e-6
                assert 1 <= note.velocity <= 127
                by_pitch.setdefault(note.pitch, []).append((note.start, note.duration))
            for same in by_pitch.values():
                for (start, duration), (follower, _) in itertools.pairwise(same):
                    assert start < follower
                    assert start + duration <= follower + 1e-6
            if before.role in ("lead", "bass"):
                assert [n.pitch for n in before.notes] == [n.pitch for n in after.notes]


def test_loudness_varies_and_bars_are_felt():
    hats = next(k for k, t in enumerate(LONG.tracks) if t.instrument in ("hats", "ride"))
    before, after = LONG.tracks[hats].notes, humanize(LONG, 1.0, 1).tracks[hats].notes
    change = {
        place: statistics.mean(
            b.velocity - a.velocity
            for a, b in zip(before, after, strict=True)
            if a.start % 1 == place
        )
        for place in (0.0, 0.5)
    }
    assert change[0.0] > change[0.5] + 2
    assert (
        statistics.pstdev(b.velocity - a.velocity for a, b in zip(before, after, strict=True)) > 4
    )
