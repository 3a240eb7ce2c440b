"""Keyframes: what lies between them, and noise that keeps its shape."""

from __future__ import annotations

import pytest
import torch

from riffkit.diffusion.latents import slerp
from riffkit.errors import ParameterError
from riffkit.models.pipeline import Pipeline
from riffkit.music.canvas import Canvas
from riffkit.music.journey import phrase_noise
from riffkit.music.timeline import Keyframe, Timeline
from riffkit.spectrogram.beat_grid import BeatGrid


def canvas(pipeline: Pipeline, bars: int, *, loop: bool = True) -> Canvas:
    return Canvas(BeatGrid(120.0, 4 * bars), 4, loop, pipeline)


def test_an_open_piece_stays_at_its_ends_and_runs_evenly_between() -> None:
    line = Timeline((Keyframe(2.0, "a"), Keyframe(6.0, "b")), 10, closed=False)
    assert line.between(1.0) == (0, 0, 0.0)
    assert line.between(3.0) == (0, 1, 0.25)
    assert line.between(9.0) == (1, 1, 0.0)


def test_a_closed_piece_goes_back_to_its_first() -> None:
    line = Timeline((Keyframe(0.0, "a"), Keyframe(4.0, "b")), 8, closed=True)
    assert line.between(2.0) == (0, 1, 0.5)
    assert line.between(7.0) == (1, 0, 0.75)
    late = Timeline((Keyframe(2.0, "a"), Keyframe(6.0, "b")), 8, closed=True)
    assert late.between(1.0) == (1, 0, 0.75)


@pytest.mark.parametrize(("easing", "share"), [("linear", 0.25), ("smooth", 0.15625), ("hold", 0)])
def test_easings(easing, share: float) -> None:
    line = Timeline((Keyframe(0.0, "a", easing=easing), Keyframe(4.0, "b")), 8, closed=False)
    assert line.between(1.0)[2] == pytest.approx(share)


@pytest.mark.parametrize("bars", [(4, 2), (0, 0), (-1, 2), (0, 9)])
def test_keyframes_out_of_order_or_outside_are_refused(bars: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match="keyframe bar="):
        Timeline(tuple(Keyframe(float(bar), "a") for bar in bars), 8, closed=False)


def test_noise_repeats_its_phrase_and_stays_noise(tiny: Pipeline) -> None:
    frames = (Keyframe(0.0, "a", seed=1), Keyframe(8.0, "b", seed=2))
    place = canvas(tiny, 16)
    noise = phrase_noise(Timeline(frames, 16, closed=True), place, seed=0, phrase_bars=2)
    width = 2 * place.columns_per_bar
    phrases = noise[0].unfold(-1, width, width).permute(2, 0, 1, 3).flatten(1)
    assert phrases.std(dim=1) == pytest.approx(torch.ones(8), abs=0.05)
    likeness = torch.corrcoef(phrases)
    assert likeness[0, 1] > 0.9 > likeness[0, 2] > likeness[0, 4]
    assert likeness[0, 7] > 0.9  # round the end too


def test_one_seed_is_one_phrase_all_along(tiny: Pipeline) -> None:
    place = canvas(tiny, 6)
    noise = phrase_noise(
        Timeline((Keyframe(0.0, "a"), Keyframe(3.0, "b")), 6, closed=True),
        place,
        seed=5,
        phrase_bars=2,
    )
    width = 2 * place.columns_per_bar
    torch.testing.assert_close(noise[..., :width], noise[..., width : 2 * width])


def test_slerp_meets_its_ends_and_keeps_the_norm() -> None:
    first, second = torch.randn(2, 4, 500, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(first, second, 0.0), first)
    torch.testing.assert_close(slerp(first, second, 1.0), second)
    middle = slerp(first, second, 0.5)
    assert float(middle.norm()) == pytest.approx(float(first.norm()), rel=0.05)
    assert float((middle * first).sum()) == pytest.approx(float((middle * second).sum()), rel=0.15)
    torch.testing.assert_close(slerp(first, first, 0.3), first)
