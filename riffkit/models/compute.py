"""How a model's networks are stored and run. Only rounding differs in the result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from riffkit.device import has_bfloat16, pick_dtype
from riffkit.errors import ParameterError
from riffkit.models.onednn import can_pack, n_weights, pack

DTYPES = ("auto", "float32", "float16", "bfloat16")
_LARGE = 200_000_000
"""A network with at least this many parameters is full-size."""


@dataclass(frozen=True)
class Compute:
    """`dtype`: "auto" (by the device), "float32", "float16" or "bfloat16".

    With `compile`, the UNet is compiled by torch.compile at its first use, except where it wraps in
    time (loops, and everything from the bundled model) or uses cached deep features. With
    `offload`, idle networks are kept in CPU RAM instead of GPU memory.
    """

    dtype: str = "auto"
    compile: bool = False
    offload: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ParameterError(f"dtype={self.dtype!r}: must be one of {', '.join(DTYPES)}")

    def dtype_on(self, device: torch.device) -> torch.dtype:
        """The dtype on a device; ParameterError for float16 on the CPU, which can't use it."""
        if self.dtype == "auto":
            return pick_dtype(device)
        if device.type == "cpu" and self.dtype == "float16":
            raise ParameterError(
                "dtype='float16': not supported on the CPU; use float32 or bfloat16"
            )
        chosen: torch.dtype = getattr(torch, self.dtype)
        return chosen


def is_large(network: nn.Module) -> bool:
    """Whether it is a full-size Stable Diffusion UNet, which dominates the cost."""
    return n_weights(network) >= _LARGE


def fit(
    networks: Sequence[nn.Module],
    unet: Any,
    device: torch.device,
    compute: Compute,
    *,
    to_train: bool = False,
) -> None:
    """Prepare loaded networks, in place, to run as `compute` says."""
    if device.type == "cpu" and not (compute.compile or to_train) and can_pack(unet.dtype):
        for network in networks:
            pack(network)
    if compute.offload and device.type == "cuda":
        from accelerate import cpu_offload_with_hook

        hook = None
        for network in networks:
            _, hook = cpu_offload_with_hook(network, device, prev_module_hook=hook)
    if compute.compile:
        if device.type == "cpu" and shutil.which("g++") is None and shutil.which("clang++") is None:
            raise ParameterError("compile: needs a C++ compiler; install g++ or remove `compile`")
        # torch's default is a temporary folder, and recompiling takes minutes
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_cache_folder() / "compiled"))
        unet.compile()


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "riffkit"


@contextmanager
def uncompiled(network: nn.Module, *, enabled: bool) -> Iterator[None]:
    """Within this context the network doesn't run compiled: temporary hooks and paddings would be
    ignored or recompiled for minutes each.
    """
    if not enabled or network._compiled_call_impl is None:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def notes_for(unet: nn.Module, device: torch.device, compute: Compute) -> tuple[str, ...]:
    """Notes for users of a large model about this machine."""
    slow = compute.dtype == "auto" and device.type == "cpu" and is_large(unet)
    if slow and has_bfloat16(device):
        return ("this CPU supports bfloat16: `dtype=bfloat16` needs only 30 to 70 % of the time",)
    return ()
