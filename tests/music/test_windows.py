"""How a long image is covered by windows of whole bars."""

from __future__ import annotations

import pytest
import torch

from riffkit.music.canvas import window_places


def covered(n_bars: int, *, circular: bool, columns_per_bar: int = 16) -> torch.Tensor:
    n_columns = n_bars * columns_per_bar
    count = torch.zeros(n_columns)
    for start, width in window_places(n_columns, columns_per_bar, 32, circular=circular):
        assert start % columns_per_bar == 0
        assert width <= 32
        columns = torch.arange(start, start + width)
        assert circular or int(columns[-1]) < n_columns
        count[columns % n_columns] += 1
    return count


@pytest.mark.parametrize("n_bars", [1, 2])
def test_one_window_where_it_fits(n_bars: int) -> None:
    assert (covered(n_bars, circular=True) == 1).all()


@pytest.mark.parametrize("n_bars", [3, 4, 7, 16])
def test_a_loop_is_covered_twice_everywhere(n_bars: int) -> None:
    assert (covered(n_bars, circular=True) == 2).all()


@pytest.mark.parametrize("n_bars", [3, 4, 7, 16])
def test_an_open_clip_is_covered_to_its_ends(n_bars: int) -> None:
    count = covered(n_bars, circular=False)
    assert count.min() >= 1
    assert (count[16:-16] >= 2).all()


def test_waltzes_have_windows_of_two_of_their_bars() -> None:
    assert window_places(48, 12, 32, circular=True) == [(0, 24), (12, 24), (24, 24), (36, 24)]


def test_a_bar_longer_than_the_model_s_image_is_a_window_by_itself() -> None:
    assert window_places(96, 48, 32, circular=True) == [(0, 48), (48, 48)]
