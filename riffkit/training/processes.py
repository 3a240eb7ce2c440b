"""The processes of a training run, by accelerate: one, or as many as `accelerate launch` starts.

Accelerate finds the devices, the precision and the other processes. Its wrapper around the network
(DistributedDataParallel) isn't used: it averages the processes' gradients as if all had the same
number of images, and only sees calls of the network itself. Here each step's gradients and figures
are summed once, each process's weighted by its share of the images.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import Tensor, nn

from riffkit.device import has_bfloat16, pick_device
from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig, Precision
from riffkit.training.rows import Share, shares

_MOST_SUMMED = 1 << 26
"""Numbers that the processes sum at once."""


def local_device(name: str) -> torch.device:
    """The device of that name; under `accelerate launch`, this process's own."""
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true"):
        return torch.device("cpu")
    device = pick_device(name)
    own = os.environ.get("LOCAL_RANK")
    return torch.device("cuda", int(own)) if device.type == "cuda" and own else device


def frozen_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The dtype of frozen weights: half precision on a GPU that supports it."""
    kinds = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.float32 if device.type == "cpu" else kinds[_precision(precision, device)]


@contextmanager
def main_process_first(device: torch.device) -> Iterator[None]:
    """The first process runs the block before the others, which can then use its files."""
    with PartialState(cpu=device.type == "cpu").main_process_first():
        yield


class Processes:
    """This process among all. `device` is where its network lives."""

    def __init__(self, config: LoopConfig) -> None:
        device = local_device(config.device)
        precision = _precision(config.precision, device)
        if precision == "fp16" and device.type == "cpu":
            raise ParameterError("precision='fp16': needs a GPU; use bf16, auto or no")
        if _is_alone():  # another run of this process may have had another device or precision
            AcceleratorState._reset_state(True)
        self._accelerator = Accelerator(
            cpu=device.type == "cpu", mixed_precision=precision, gradient_accumulation_steps=1
        )
        self.precision: str = precision
        self.device = device if self.count == 1 else self._accelerator.device
        if self.device.index is not None:  # of several GPUs
            torch.cuda.set_device(self.device)

    @property
    def count(self) -> int:
        return int(self._accelerator.num_processes)

    @property
    def is_main(self) -> bool:
        return bool(self._accelerator.is_main_process)

    def prepare(self, optimizer: torch.optim.Optimizer) -> Any:
        """The optimizer as accelerate wraps it, with the scaling of losses that fp16 needs."""
        return self._accelerator.prepare_optimizer(optimizer, device_placement=False)

    def shares(self, n_rows: int, n_parts: int) -> list[Share]:
        """This process's rows of a step's batch."""
        return shares(n_rows, self._accelerator.process_index, self.count, n_parts)

    def autocast(self) -> AbstractContextManager[None]:
        return self._accelerator.autocast()

    def backward(self, loss: Tensor) -> None:
        self._accelerator.backward(loss)

    def sum_gradients(self, parameters: Iterable[nn.Parameter], optimizer: Any) -> None:
        """Give every process the sum of all gradients, unscaled."""
        if self.count > 1:
            for gradients in _parts([_gradient(p) for p in parameters if p.requires_grad]):
                flat = torch.cat([gradient.flatten() for gradient in gradients])
                summed = self._accelerator.reduce(flat, "sum")
                sizes = [gradient.numel() for gradient in gradients]
                for gradient, part in zip(gradients, summed.split(sizes), strict=True):
                    gradient.copy_(part.view_as(gradient))
        self._accelerator.unscale_gradients(optimizer)

    def sum_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """The sums of all processes' figures, which have the same names."""
        if self.count == 1:
            return figures
        values = torch.tensor([figures[name] for name in sorted(figures)], dtype=torch.float64)
        summed = self._accelerator.reduce(values.to(self.device), "sum")
        return dict(zip(sorted(figures), summed.tolist(), strict=True))

    def wait(self) -> None:
        """Wait until all processes have reached this point."""
        self._accelerator.wait_for_everyone()


def is_main_process() -> bool:
    """Whether this process writes the run's files; true if it is the only one."""
    return bool(PartialState().is_main_process)


def _is_alone() -> bool:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return False
    return not PartialState._shared_state or PartialState().distributed_type == DistributedType.NO


def _precision(asked: Precision, device: torch.device) -> str:
    if asked != "auto":
        return asked
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")  # accelerate launch's option
    if launched in ("bf16", "fp16"):
        return launched
    return "bf16" if has_bfloat16(device) else "no"


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _parts(tensors: list[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in lists of up to `_MOST_SUMMED` numbers."""
    part: list[Tensor] = []
    for tensor in tensors:
        if part and sum(t.numel() for t in part) + tensor.numel() > _MOST_SUMMED:
            yield part
            part = []
        part.append(tensor)
    if part:
        yield part
