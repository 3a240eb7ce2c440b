"""The noise levels that a step is drawn at."""

from __future__ import annotations

import pytest
import torch

from riffkit.training.objective import stratified_timesteps


def test_one_level_in_each_part_of_the_schedule() -> None:
    drawn = stratified_timesteps(8, torch.Generator().manual_seed(0))
    assert [level // 125 for level in drawn.tolist()] == list(range(8))


def test_the_last_level_is_the_schedule_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 the largest number below 8, over 8, is rounded to 1."""
    largest = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
    monkeypatch.setattr(torch, "rand", lambda n, generator: largest.expand(n))
    assert stratified_timesteps(8, torch.Generator())[-1] == 999
