"""The training loop: minimizes a task's loss; resumable, counted in images.

It runs in one process or in several (`accelerate launch`), and the losses are the same: each step
is drawn whole from (seed, images seen), and each process computes its share of it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig
from riffkit.training.optimizers import new_optimizer
from riffkit.training.processes import Processes
from riffkit.training.rows import Rows
from riffkit.training.state import TrainingState


@runtime_checkable
class Task(Protocol):
    """A training task: a network, the number of training items, and a loss."""

    network: nn.Module
    n_items: int

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The parameter groups for the optimizer, each with its `lr`."""
        ...

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> Rows:
        """A step's batch, with all its randomness. Every process draws the whole batch."""
        ...

    def loss(self, batch: Any) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """The loss to minimize, and figures to log: means over the rows of a batch or a part."""
        ...

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Metrics of `network` (the averaged weights) on held-out items."""
        ...


@runtime_checkable
class Showing(Protocol):
    """A task that makes samples every `LoopConfig.sample_images` images."""

    def show(self, network: nn.Module, images_seen: int) -> None:
        """Make samples with `network` (the averaged weights), and log them."""
        ...


def fit(
    task: Task,
    config: LoopConfig,
    folder: Path,
    *,
    on_step: Callable[[int, dict[str, float]], None] = lambda images_seen, figures: None,
) -> Iterator[dict[str, float]]:
    """Train until `config.images` have been seen; yields a line of figures at intervals.

    `on_step` gets the images seen and the figures of every step.

    The run lives in `folder` (state.pt, log.jsonl). To resume it, run the same command: each
    step's items and noise depend on (seed, images seen) alone. Of several processes only the
    first writes and yields.
    """
    folder.mkdir(parents=True, exist_ok=True)
    processes = Processes(config)
    if config.seconds is not None and processes.count > 1:
        raise ParameterError("seconds: is for runs of one process; use images for several")
    task.network.to(processes.device).train()
    state = _start_or_resume(task, config, folder / "state.pt", processes)
    diary = _Diary(folder, config, state)
    ends = math.inf if config.seconds is None else time.monotonic() + config.seconds
    done = state.images_seen >= config.images
    while not done:
        figures = _step(task, state, config, processes)
        on_step(state.images_seen, figures)
        done = state.images_seen >= config.images or time.monotonic() >= ends
        if processes.is_main:
            yield from diary.write(figures, task, state, done=done)
    processes.wait()


def _start_or_resume(
    task: Task, config: LoopConfig, path: Path, processes: Processes
) -> TrainingState:
    optimizer = new_optimizer(task.parameter_groups(config.learning_rate), config)
    rates = [group["lr"] for group in optimizer.param_groups]
    state = TrainingState.start(
        task.network, processes.prepare(optimizer), more_ema_decays=config.more_ema_decays
    )
    if path.exists():
        state.load(path)
    else:
        state.images_seen = config.first_image
    for group, rate in zip(state.optimizer.param_groups, rates, strict=True):
        group["base_lr"] = rate  # today's, whatever the run had before
    processes.wait()
    if processes.is_main:
        _forget_after(path.with_name("log.jsonl"), state.images_seen)
    return state


def _step(
    task: Task, state: TrainingState, config: LoopConfig, processes: Processes
) -> dict[str, float]:
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + state.images_seen)
    items = batch_items(state.images_seen, config.batch_size, task.n_items, seed=config.seed)
    for group in state.optimizer.param_groups:
        group["lr"] = group["base_lr"] * learning_rate_factor(state.images_seen, config)
    state.optimizer.zero_grad(set_to_none=True)
    figures = _gradients(task, task.draw(items, generator), state, config, processes)
    norm = nn.utils.clip_grad_norm_(state.trained.values(), config.max_grad_norm)
    # one bad batch must not end a long run; with fp16 the step itself skips it, and scales lower
    if torch.isfinite(norm) or processes.precision == "fp16":
        state.optimizer.step()
    state.images_seen += len(items)
    state.n_steps += 1
    state.update_ema(config)
    return {**figures, "grad_norm": float(norm)}


def _gradients(
    task: Task, batch: Rows, state: TrainingState, config: LoopConfig, processes: Processes
) -> dict[str, float]:
    """The whole batch's gradients in every process, and its figures."""
    figures: dict[str, float] = {}
    for share in processes.shares(len(batch), config.accumulation):
        with processes.autocast():
            loss, more = task.loss(batch[share.rows])
        processes.backward(share.weight * loss)
        for name, value in {"loss": float(loss.detach()), **more}.items():
            figures[name] = figures.get(name, 0.0) + share.weight * value
    processes.sum_gradients(state.trained.values(), state.optimizer)
    return processes.sum_figures(figures)


def learning_rate_factor(images_seen: int, config: LoopConfig) -> float:
    """Of the rate at its highest: the warm-up, times the schedule of `config`."""
    seen_here = images_seen - config.first_image + config.batch_size
    warmup = min(1.0, seen_here / max(1, config.warmup_images))
    if config.schedule == "cosine":
        return warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, images_seen / config.images)))
    cooldown = min(1.0, (config.images - images_seen) / max(1, config.cooldown_images))
    if config.schedule == "constant":
        return warmup * cooldown
    return warmup * cooldown * math.sqrt(config.flat_images / max(config.flat_images, images_seen))


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


class _Diary:
    """Writes a run's log lines, checkpoints and samples."""

    def __init__(self, folder: Path, config: LoopConfig, state: TrainingState) -> None:
        self._figures: list[dict[str, float]] = []
        self._folder = folder
        self._config = config
        self._logged = self._saved = time.monotonic()
        self._logged_at = self._saved_at = self._shown_at = state.images_seen

    def write(
        self, figures: dict[str, float], task: Task, state: TrainingState, *, done: bool
    ) -> Iterator[dict[str, float]]:
        """Write what is due after a step with these figures, or all at the end; yields lines."""
        self._figures.append(figures)
        config, now, seen = self._config, time.monotonic(), state.images_seen
        if done or _due(
            seen, self._logged_at, config.log_images, now - self._logged, config.log_seconds
        ):
            yield self._line(
                {
                    "images_per_second": (seen - self._logged_at) / (now - self._logged),
                    **_means(self._figures),
                },
                seen,
            )
            self._logged, self._logged_at, self._figures = now, seen, []
        if done or _due(
            seen,
            self._saved_at,
            config.checkpoint_images,
            now - self._saved,
            config.checkpoint_seconds,
        ):
            state.save(self._folder / "state.pt", keep=config.keep)
            self._saved, self._saved_at = time.monotonic(), seen
            with state.averaged() as network:
                yield self._line(task.evaluate(network), seen)
        every = config.sample_images
        if isinstance(task, Showing) and every and (done or crossed(seen, self._shown_at, every)):
            self._shown_at = seen
            with state.averaged() as network:
                task.show(network, seen)

    def _line(self, figures: dict[str, float], images_seen: int) -> dict[str, float]:
        line = {"images": float(images_seen), **figures}
        rounded = {name: round(value, 5) for name, value in line.items()}
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")
        return line


def crossed(now: int, before: int, every: int) -> bool:
    """Whether a multiple of `every` lies after `before`, up to `now`."""
    return now // every > before // every


def _due(seen: int, before: int, every: int | None, elapsed: float, seconds: float) -> bool:
    return elapsed >= seconds if every is None else crossed(seen, before, every)


def _means(figures: list[dict[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}  # not every step has all figures
    for name, value in (item for step in figures for item in step.items()):
        found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _forget_after(log: Path, images_seen: int) -> None:
    """Take out the lines of steps that a run which was killed will do again, and damaged ones."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = [x for x in lines if x.endswith("\n") and _images_of(x) <= images_seen]
    if len(kept) < len(lines):
        with atomic_path(log) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")


def _images_of(line: str) -> float:
    """The images of a line of the log; infinity for a damaged one."""
    try:
        return float(json.loads(line)["images"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return math.inf
