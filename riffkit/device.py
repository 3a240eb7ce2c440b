"""Where the numbers are crunched: "auto" → a device and its dtype."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from riffkit.errors import ParameterError

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name ("cuda:1" too); "auto" takes CUDA, then MPS, then the CPU."""
    kind = name.split(":")[0]
    if kind not in DEVICES:
        raise ParameterError(f"device={name!r}: must be one of {', '.join(DEVICES)}")
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        kind = name = next((device for device, there in available.items() if there), "cpu")
    if not available.get(kind, True):
        raise ParameterError(f"device={name!r}: not available on this machine; use --device cpu")
    return torch.device(name)


def pick_dtype(device: torch.device) -> torch.dtype:
    """Half precision where it pays; the CPU and MPS compute in float32."""
    return torch.float16 if device.type == "cuda" else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether it computes in bfloat16 by itself; a CPU that doesn't is many times slower so."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False


@contextmanager
def single_thread() -> Iterator[None]:
    """The CPU computes with one thread.

    Sums over several threads differ in their last bits, and with them a pixel here and there.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
