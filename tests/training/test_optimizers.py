"""Optimizers: which weights Muon takes, and that a run with it learns and resumes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from riffkit.errors import ParameterError
from riffkit.training import optimizers
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from riffkit.training.optimizers import split_hidden
from tests.training.test_loop import LineTask, Points

CONFIG = LoopConfig(
    images=1600,
    batch_size=8,
    learning_rate=0.03,
    warmup_images=80,
    checkpoint_images=400,
    log_images=400,
    optimizer="muon",
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_in, self.hidden = nn.Linear(1, 8), nn.Linear(8, 8)
        self.kernel = nn.Conv1d(8, 8, 3, padding=1)
        self.conv_out = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.hidden(torch.tanh(self.conv_in(x))))
        out: Tensor = self.conv_out(torch.tanh(self.kernel(hidden[..., None])[..., 0]))
        return out


class NetTask(LineTask):
    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__(stop_after)
        torch.manual_seed(0)
        self.network = Net()

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        hidden, others = split_hidden(self.network, ["conv_in", "conv_out"])
        return [
            {"params": hidden, "lr": learning_rate, "use_muon": True},
            {"params": others, "lr": learning_rate, "use_muon": False},
        ]

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        x = torch.linspace(-1, 1, 20)[:, None]
        return {"error": float(self.loss(Points(x, 3 * x - 1))[0])}


def test_matrices_within_the_network_are_muons() -> None:
    network = Net()
    hidden, others = split_hidden(network, ["conv_in", "conv_out"])
    assert {id(p) for p in hidden} == {id(network.hidden.weight), id(network.kernel.weight)}
    assert len(hidden) + len(others) == len(list(network.parameters()))
    network.hidden.weight.requires_grad_(False)
    assert len(split_hidden(network, [])[0]) == 3


def test_a_run_with_muon_learns_and_resumes(tmp_path: Path) -> None:
    whole = NetTask()
    lines = list(fit(whole, CONFIG, tmp_path / "whole"))
    errors = [line["error"] for line in lines if "error" in line]
    assert errors[-1] < 0.05 < errors[0]
    with pytest.raises(KeyboardInterrupt):
        list(fit(NetTask(stop_after=800), CONFIG, tmp_path / "parts"))
    second = NetTask()
    list(fit(second, CONFIG, tmp_path / "parts"))
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_muon_is_the_same_where_bfloat16_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    updates = []
    for is_fast in (True, False):
        monkeypatch.setattr(optimizers, "has_bfloat16", lambda device, is_fast=is_fast: is_fast)
        torch.manual_seed(1)
        wide, tall = (nn.Parameter(torch.randn(*shape)) for shape in ((12, 40), (40, 12)))
        group = {"params": [wide, tall], "lr": 0.1, "use_muon": True}
        optimizer = optimizers.new_optimizer([group], CONFIG)
        before = [wide.detach().clone(), tall.detach().clone()]
        wide.grad, tall.grad = torch.randn_like(wide), torch.randn_like(tall)
        optimizer.step()
        updates.append([new.detach() - old for new, old in zip((wide, tall), before, strict=True)])
    for one, other in zip(*updates, strict=True):
        assert (one - other).norm() < 0.03 * one.norm()
        assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("optimizer", "module"), [("muon", "pytorch_optimizer"), ("adamw8bit", "bitsandbytes")]
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: Any, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ParameterError, match=r"pip install|use adamw"):
        next(fit(NetTask(), replace(CONFIG, optimizer=optimizer), tmp_path))
