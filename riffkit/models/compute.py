"""How a model's networks are held and run: none of it changes what is painted but by rounding."""

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
"""Parameters of a network from which on it is a full-size one."""


@dataclass(frozen=True)
class Compute:
    """`dtype`: "auto" (by the device), "float32", "float16" or "bfloat16".

    `compile`: the UNet goes through torch.compile at its first use, but where it must wrap in time
    (loops, and all that the bundled model paints) or its deep features are kept. `offload`: on a
    GPU, networks lie in main memory and come over for as long as they are used.
    """

    dtype: str = "auto"
    compile: bool = False
    offload: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ParameterError(f"dtype={self.dtype!r}: must be one of {', '.join(DTYPES)}")

    def dtype_on(self, device: torch.device) -> torch.dtype:
        """ParameterError for float16 on the CPU, where most of it can't be computed."""
        if self.dtype == "auto":
            return pick_dtype(device)
        if device.type == "cpu" and self.dtype == "float16":
            raise ParameterError(
                "dtype='float16': not supported on the CPU; use float32 or bfloat16"
            )
        chosen: torch.dtype = getattr(torch, self.dtype)
        return chosen


def is_large(network: nn.Module) -> bool:
    """Whether it has the size of a Stable Diffusion, so that it is nearly all of the cost."""
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
        # torch's own place is a temporary folder, and compiling anew takes minutes
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_cache_folder() / "compiled"))
        unet.compile()


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "riffkit"


@contextmanager
def uncompiled(*, enabled: bool) -> Iterator[None]:
    """Within it no network runs as compiled: hooks and paddings that come and go would be unseen,
    or compiled for minutes each."""
    if not enabled:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def notes_for(unet: nn.Module, device: torch.device, compute: Compute) -> tuple[str, ...]:
    """What a user of a large model should know of the machine."""
    slow = compute.dtype == "auto" and device.type == "cpu" and is_large(unet)
    if slow and has_bfloat16(device):
        return ("this CPU supports bfloat16: `dtype=bfloat16` needs only 30 to 70 % of the time",)
    return ()
