"""The one training loop: a task's loss, minimised, resumable, counted in images."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from riffkit.device import has_bfloat16, pick_device
from train.config import LoopConfig
from train.state import TrainingState


@runtime_checkable
class Task(Protocol):
    """What is trained: a network, the number of training items, and the loss of some of them."""

    network: nn.Module
    n_items: int

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        """The parameters as the optimiser takes them, each group with its `lr`."""
        ...

    def loss(
        self, items: Int[Tensor, " batch"], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """The loss to minimise, and figures to log. All randomness comes from `generator`."""
        ...

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Figures of `network` (the averaged weights) on held-out items."""
        ...


def fit(task: Task, config: LoopConfig, folder: Path) -> Iterator[dict[str, float]]:
    """Train until `config.images` have been seen; yields a line of figures now and then.

    The run lives in `folder` (state.pt, log.jsonl). To resume it, run the same command: each
    step's items and noise depend on (seed, images seen) alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = pick_device(config.device)
    task.network.to(device).train()
    state = _start_or_resume(task, config, folder / "state.pt")
    state.ema.to(device)
    logged = saved = time.monotonic()
    since = state.images_seen
    figures: list[dict[str, float]] = []
    while state.images_seen < config.images:
        figures.append(_step(task, state, config, device))
        now = time.monotonic()
        done = state.images_seen >= config.images
        if now - logged >= config.log_seconds or done:
            line = _line(figures, state, (state.images_seen - since) / (now - logged))
            _append(folder / "log.jsonl", line)
            yield line
            logged, since, figures = now, state.images_seen, []
        if now - saved >= config.checkpoint_seconds or done:
            state.save(folder / "state.pt")
            saved = time.monotonic()
            line = {"images": float(state.images_seen), **task.evaluate(state.ema)}
            _append(folder / "log.jsonl", line)
            yield line


def _start_or_resume(task: Task, config: LoopConfig, path: Path) -> TrainingState:
    optimizer = torch.optim.AdamW(
        task.parameter_groups(config.learning_rate),
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=True,
    )
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    state = TrainingState.start(task.network, optimizer)
    if path.exists():
        state.load(path)
    return state


def _step(
    task: Task, state: TrainingState, config: LoopConfig, device: torch.device
) -> dict[str, float]:
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + state.images_seen)
    items = batch_items(state.images_seen, config.batch_size, task.n_items, seed=config.seed)
    for group in state.optimizer.param_groups:
        group["lr"] = group["base_lr"] * learning_rate_factor(state.images_seen, config)
    enabled = config.bfloat16 and has_bfloat16(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled):
        loss, figures = task.loss(items, generator)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(task.network.parameters(), config.max_grad_norm)
    if torch.isfinite(norm):  # one bad batch must not end a long run
        state.optimizer.step()
    state.images_seen += len(items)
    state.n_steps += 1
    state.update_ema(config)
    return {"loss": float(loss.detach()), "grad_norm": float(norm), **figures}


def learning_rate_factor(images_seen: int, config: LoopConfig) -> float:
    """Linear warm-up, then a cosine to zero at `config.images`."""
    warmup = min(1.0, (images_seen + config.batch_size) / max(1, config.warmup_images))
    progress = min(1.0, images_seen / config.images)
    return warmup * 0.5 * (1 + math.cos(math.pi * progress))


def batch_items(
    images_seen: int, batch_size: int, n_items: int, *, seed: int
) -> Int[Tensor, " batch"]:
    """The items after `images_seen`: each epoch goes through all of them in an order of its own."""
    wanted = range(images_seen, images_seen + batch_size)
    orders = {
        epoch: torch.randperm(
            n_items, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        )
        for epoch in {image // n_items for image in wanted}
    }
    return torch.stack([orders[image // n_items][image % n_items] for image in wanted])


def _line(
    figures: list[dict[str, float]], state: TrainingState, images_per_second: float
) -> dict[str, float]:
    found: dict[str, list[float]] = {}  # not every step has all figures
    for name, value in (item for step in figures for item in step.items()):
        found.setdefault(name, []).append(value)
    means = {name: sum(values) / len(values) for name, values in found.items()}
    return {"images": float(state.images_seen), "images_per_second": images_per_second, **means}


def _append(path: Path, line: dict[str, float]) -> None:
    rounded = {name: round(value, 5) for name, value in line.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded) + "\n")
