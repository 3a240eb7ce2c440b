"""Devices: "auto" → a device and its dtype."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from riffkit.errors import ParameterError
from riffkit.limits import check_device


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name ("cuda:1" too); "auto" takes CUDA, then MPS, then the CPU."""
    check_device(name)
    kind = name.split(":")[0]
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        kind = name = next((device for device, there in available.items() if there), "cpu")
    if not available.get(kind, True):
        raise ParameterError(f"device={name!r}: not available on this machine; use `device=cpu`")
    return torch.device(name)


def pick_dtype(device: torch.device) -> torch.dtype:
    """Half precision on CUDA; float32 on the CPU and MPS."""
    return torch.float16 if device.type == "cuda" else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has native bfloat16; a CPU without it is many times slower with it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False


def free_bytes(device: torch.device) -> int:
    """Free memory for tensors on the device, including torch's unused blocks."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + held
    free: int = psutil.virtual_memory().available
    if device.type == "mps":
        most = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return min(free, most)
    return min(free, _left_of_limit(Path("/sys/fs/cgroup"), otherwise=free))


def _left_of_limit(group: Path, *, otherwise: int) -> int:
    """What a container's limit leaves (Linux, control groups v2); files in cache give way."""
    try:
        limit, used = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - int(used) + int(stat["inactive_file"]))
    except (OSError, ValueError, KeyError):  # no such file, or "max": no limit
        return otherwise


@contextmanager
def single_thread() -> Iterator[None]:
    """Within this context the CPU uses one thread.

    Sums over several threads differ in their last bits, and with them a pixel here and there.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
