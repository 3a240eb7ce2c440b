"""Crossfades keep the power of unrelated sounds."""

import math

import pytest
import torch

from riffkit.audio.crossfade import crossfade, equal_power_gains
from riffkit.errors import ParameterError


def test_unrelated_sounds_keep_their_level_within_a_tenth_of_a_db() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(400, 20_000, generator=generator) for _ in range(2))
    joined = crossfade(first, second, 10_000)
    level_db = 10 * torch.log10(joined.square().unflatten(-1, (30, -1)).mean((0, 2)))
    assert level_db.abs().max() < 0.1


@pytest.mark.parametrize("n_samples", [1, 2, 7, 4_410])
def test_the_gains_squares_add_up_to_one(n_samples) -> None:
    rising, falling = equal_power_gains(n_samples)
    assert torch.allclose(rising.square() + falling.square(), torch.ones(n_samples), atol=1e-6)
    assert torch.equal(rising, rising.sort().values)
    assert torch.allclose(rising, falling.flip(0), atol=1e-6)


def test_outside_the_fade_nothing_changes() -> None:
    first, second = torch.rand(2, 100), torch.rand(2, 80)
    joined = crossfade(first, second, 30)
    assert joined.shape == (2, 150)
    assert torch.equal(joined[:, :70], first[:, :70])
    assert torch.equal(joined[:, 100:], second[:, 30:])


def test_a_fade_of_nothing_is_a_cut() -> None:
    first, second = torch.rand(1, 10), torch.rand(1, 5)
    assert torch.equal(crossfade(first, second, 0), torch.cat([first, second], -1))


def test_there_is_no_click_at_either_end_of_the_fade() -> None:
    """A 100 Hz sine through both clips moves by no more than its own slope and the fade's."""
    wave = torch.sin(2 * math.pi * 100 / 44_100 * torch.arange(20_000))[None]
    joined = crossfade(wave[:, :10_000], wave[:, 5_590:], 4_410)
    slope = 2 * math.pi * 100 / 44_100
    assert joined.diff().abs().max() < 1.5 * slope


@pytest.mark.parametrize("n_samples", [-1, 11])
def test_a_fade_longer_than_a_clip_is_refused(n_samples) -> None:
    with pytest.raises(ParameterError, match=f"n_samples={n_samples}"):
        crossfade(torch.rand(1, 10), torch.rand(1, 20), n_samples)


def test_clips_of_different_channels_are_refused() -> None:
    with pytest.raises(ParameterError, match="channels"):
        crossfade(torch.rand(1, 10), torch.rand(2, 10), 5)
