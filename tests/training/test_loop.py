"""The training loop: what is resumed equals what was never interrupted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig
from riffkit.training.loop import batch_items, fit, learning_rate_factor
from riffkit.training.rows import Rows, shares
from riffkit.training.state import load_ema, read_state

CONFIG = LoopConfig(
    images=1600,
    batch_size=8,
    learning_rate=0.1,
    warmup_images=40,
    device="cpu",
    precision="no",
    weight_decay=0.0,
    log_seconds=0.0,
    checkpoint_seconds=0.0,
)


@dataclass(frozen=True)
class Points(Rows):
    x: Float[Tensor, "batch 1"]
    y: Float[Tensor, "batch 1"]


class LineTask:
    """Fit y = 3x − 1 from noisy points."""

    def __init__(self, stop_after: int | None = None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Linear(1, 1)
        self.n_items = 20
        self.items: list[int] = []
        self._stop_after = stop_after

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> Points:
        if self._stop_after is not None and len(self.items) >= self._stop_after:
            raise KeyboardInterrupt
        self.items += items.tolist()
        x = items[:, None] / 10 - 1
        return Points(x, 3 * x - 1 + torch.randn(x.shape, generator=generator) / 10)

    def loss(self, batch: Points) -> tuple[Float[Tensor, ""], dict[str, float]]:
        return (self.network(batch.x) - batch.y).square().mean(), {}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        return {"weight": float(next(network.parameters()))}


def test_it_learns_the_line(tmp_path: Path) -> None:
    task = LineTask()
    lines = list(fit(task, CONFIG, tmp_path))
    assert lines[-1]["weight"] == pytest.approx(3.0, abs=0.2)
    assert (tmp_path / "log.jsonl").read_text().count("\n") == len(lines)


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole = LineTask()
    losses = [x["loss"] for x in fit(whole, CONFIG, tmp_path / "whole") if "loss" in x]
    first = LineTask(stop_after=800)
    resumed_losses = []
    with pytest.raises(KeyboardInterrupt):
        for line in fit(first, CONFIG, tmp_path / "parts"):
            resumed_losses += [line["loss"]] if "loss" in line else []
    second = LineTask()
    resumed_losses += [x["loss"] for x in fit(second, CONFIG, tmp_path / "parts") if "loss" in x]
    assert resumed_losses == losses
    assert first.items + second.items == whole.items
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_resumed_run_takes_the_new_learning_rate(tmp_path: Path) -> None:
    list(fit(LineTask(), replace(CONFIG, images=800), tmp_path))
    before = read_state(tmp_path / "state.pt")["network"]["weight"]
    still = replace(CONFIG, learning_rate=1e-12, seed=1)
    list(fit(task := LineTask(), still, tmp_path))
    after = next(task.network.parameters())
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)


def test_the_average_is_what_is_kept(tmp_path: Path) -> None:
    list(fit(task := LineTask(), CONFIG, tmp_path))
    average = nn.Linear(1, 1)
    load_ema(average, tmp_path / "state.pt")
    assert not torch.equal(average.weight, next(task.network.parameters()))
    assert float(average.weight.detach()) == pytest.approx(3.0, abs=0.2)


def test_each_epoch_takes_every_item_once_in_its_own_order() -> None:
    items = torch.cat([batch_items(n, 8, 20, seed=0) for n in range(0, 80, 8)]).tolist()
    epochs = [items[n : n + 20] for n in range(0, 80, 20)]
    assert all(Counter(epoch) == Counter(range(20)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    factors = [learning_rate_factor(n, CONFIG) for n in range(0, 1601, 8)]
    peak = factors.index(max(factors))
    assert 0 < peak < 10
    assert factors[-1] == pytest.approx(0, abs=1e-9)
    assert all(a > b for a, b in zip(factors[peak:-1], factors[peak + 1 :], strict=True))


def test_the_learning_rate_of_an_open_run_falls_as_the_inverse_square_root() -> None:
    config = replace(CONFIG, schedule="inverse_sqrt", flat_images=100, cooldown_images=400)
    factors = [learning_rate_factor(n, config) for n in (96, 100, 400, 1200, 1400, 1600)]
    assert factors == pytest.approx([1, 1, 0.5, 12**-0.5, 0.5 * 14**-0.5, 0])


@pytest.mark.parametrize("bad", [{"images": 0}, {"learning_rate": -1.0}, {"ema_decay": 1.0}])
def test_impossible_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(bad))):
        LoopConfig(**{"images": 1, "batch_size": 1, "learning_rate": 1.0, **bad})


class ProductTask(LineTask):
    """Notes the precision of its products."""

    def loss(self, batch: Points) -> tuple[Float[Tensor, ""], dict[str, float]]:
        self.dtype = self.network(torch.ones(1, 1)).dtype
        return super().loss(batch)


@pytest.mark.parametrize(("has_it", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_bfloat16_only_where_the_machine_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_it: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr("riffkit.training.processes.has_bfloat16", lambda device: has_it)
    task = ProductTask()
    list(fit(task, replace(CONFIG, images=8, precision="auto"), tmp_path))
    assert task.dtype == expected


@pytest.mark.parametrize(("n_rows", "n_processes", "n_parts"), [(8, 2, 1), (5, 2, 3), (1, 3, 2)])
def test_shares_are_the_whole_batch(n_rows: int, n_processes: int, n_parts: int) -> None:
    found = [s for k in range(n_processes) for s in shares(n_rows, k, n_processes, n_parts)]
    assert sum(share.weight for share in found) == pytest.approx(1)
    counted = [n for s in found if s.weight for n in range(s.rows.start, s.rows.stop)]
    assert counted == list(range(n_rows))
    assert all(len(range(n_rows)[s.rows]) / n_rows in (s.weight, 1 / n_rows) for s in found)


def test_accumulated_steps_are_the_same(tmp_path: Path) -> None:
    whole = list(fit(LineTask(), CONFIG, tmp_path / "a"))
    parts = list(fit(LineTask(), replace(CONFIG, accumulation=3), tmp_path / "b"))
    for one, other in zip(whole, parts, strict=True):
        assert one.get("loss", 0.0) == pytest.approx(other.get("loss", 0.0), abs=1e-5)


def test_what_a_killed_run_did_after_its_checkpoint_is_forgotten(tmp_path: Path) -> None:
    list(fit(LineTask(), CONFIG, tmp_path))
    log = tmp_path / "log.jsonl"
    before = log.read_text()
    log.write_text(before + '{"images": 1608, "loss": 1.0}\n{"images": 16')
    list(fit(LineTask(), CONFIG, tmp_path))
    assert log.read_text() == before


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    list(fit(LineTask(), replace(CONFIG, keep=3), tmp_path))
    names = sorted(path.name for path in tmp_path.glob("state-*.pt"))
    assert names == [f"state-{n:09d}.pt" for n in (1584, 1592, 1600)]
    assert (tmp_path / names[-1]).read_bytes() == (tmp_path / "state.pt").read_bytes()


def test_a_damaged_state_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"nonsense")
    with pytest.raises(ParameterError, match=r"state\.pt: damaged"):
        list(fit(LineTask(), CONFIG, tmp_path))


def test_half_precision_needs_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="fp16"):
        list(fit(LineTask(), replace(CONFIG, precision="fp16"), tmp_path))
