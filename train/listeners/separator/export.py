"""A run's averaged weights as the file that riffkit reads."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from riffkit.analysis.separation.network import MaskNetwork
from riffkit.atomic import atomic_path
from riffkit.training.state import load_ema


def export(state: Path, file: Path) -> None:
    """Write float16 weights; an older file is replaced."""
    network = MaskNetwork()
    load_ema(network, state)
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as temporary:
        save_file(weights, temporary)
