"""The noise levels that a step is drawn at."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler

from riffkit.training.objective import min_snr_weights, stratified_timesteps


def test_one_level_in_each_part_of_the_schedule() -> None:
    drawn = stratified_timesteps(8, torch.Generator().manual_seed(0))
    assert [level // 125 for level in drawn.tolist()] == list(range(8))


def test_the_last_level_is_the_schedule_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 the largest number below 8, over 8, is rounded to 1."""
    largest = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
    monkeypatch.setattr(torch, "rand", lambda n, generator: largest.expand(n))
    assert stratified_timesteps(8, torch.Generator())[-1] == 999


def test_min_snr_weights() -> None:
    scheduler = DDPMScheduler(beta_schedule="squaredcos_cap_v2")
    alphas = scheduler.alphas_cumprod
    weights = min_snr_weights(alphas)
    snr = alphas / (1 - alphas)
    fine = int((snr - 9).abs().argmin())
    assert float(weights[fine]) == pytest.approx(0.5, abs=0.02)
    assert weights[0] < 0.01
    assert float(weights[-1]) == pytest.approx(1.0)
