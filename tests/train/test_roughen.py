"""Renders made rough."""

from __future__ import annotations

import pytest
import torch

from train.sounds.roughen import roughen

RATE = 44_100


@pytest.mark.parametrize("seed", range(6))
def test_roughened_loops_stay_loops_of_their_loudness(seed: int) -> None:
    time = torch.arange(RATE) / RATE
    loop = 0.2 * torch.sin(2 * torch.pi * 220 * time).repeat(2, 1)
    rough = roughen(loop, RATE, seed)
    assert torch.equal(rough, roughen(loop, RATE, seed))
    assert rough.shape == loop.shape and bool(rough.isfinite().all())
    assert float(rough.abs().max()) <= 1.0001
    step = (rough[:, 0] - rough[:, -1]).abs().max()
    assert float(step) <= float(rough.diff(dim=-1).abs().max()) + 1e-6
    level = 20 * torch.log10(rough.square().mean().sqrt() / loop.square().mean().sqrt())
    assert -12 < float(level) < 0.1


def test_roughening_makes_loops_rough() -> None:
    time = torch.arange(RATE) / RATE
    loop = 0.2 * torch.sin(2 * torch.pi * 220 * time).repeat(2, 1)
    highs = []
    for seed in range(6):
        power = torch.fft.rfft(roughen(loop, RATE, seed)).abs().square().mean(0)
        highs.append(float(power[1000:].sum() / power.sum()))
    assert max(highs) > 0.05
