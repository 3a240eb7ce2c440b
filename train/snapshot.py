"""Snapshots: averaged weights in less than eight bits, to go on from on another machine.

A weight of two or more axes is stored as integers from -95 to 95, deflated, with a scale for each
output channel; vectors (biases, norms) as half floats. So a network of 11.2 M weights takes 9.6 MB.
What is frozen is left out.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int8, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError

_SCALE, _DEFLATED = ".scale", ".deflated"
_MOST = 95
KEPT = 3
FROZEN = "stays_as_it_is"
"""Set on a module whose weights are never trained."""


@dataclass(frozen=True)
class Snapshot:
    """Weights by name, how many images they have seen, and the network's configuration."""

    weights: dict[str, Tensor]
    images_seen: int
    config: dict[str, Any]

    def load_into(self, network: nn.Module) -> None:
        """Give `network` the weights; ParameterError where it is another one."""
        wanted = set(_trained(network))
        try:
            if wanted != set(self.weights):
                raise RuntimeError("other names")
            network.load_state_dict(self.weights, strict=False)
        except RuntimeError as error:
            raise ParameterError("snapshot: contains another network's weights") from error


def save_snapshot(path: Path, network: nn.Module, images_seen: int, config: dict[str, Any]) -> None:
    """Write the trained weights of `network` in few bits."""
    stored: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, value in _trained(network).items():
        if value.ndim < 2:
            stored[name] = value.detach().half().cpu().contiguous()
        else:
            rounded, stored[name + _SCALE] = quantize(value.detach().float().cpu())
            stored[name + _DEFLATED], shapes[name] = _deflated(rounded), list(rounded.shape)
    metadata = {
        "images_seen": str(images_seen),
        "config": json.dumps(config),
        "shapes": json.dumps(shapes),
    }
    with atomic_path(path) as temporary:
        save_file(stored, temporary, metadata=metadata)


def keep_snapshot(
    folder: Path, name: str, network: nn.Module, images_seen: int, config: dict[str, Any]
) -> None:
    """Add FOLDER/NAME-IMAGES.safetensors; the last three stay."""
    folder.mkdir(parents=True, exist_ok=True)
    save_snapshot(folder / f"{name}-{images_seen:09d}.safetensors", network, images_seen, config)
    for old in sorted(folder.glob(f"{name}-*.safetensors"))[:-KEPT]:
        old.unlink()


def _trained(network: nn.Module) -> dict[str, Tensor]:
    """All weights but those of a module whose own are marked as frozen."""
    frozen = {
        f"{prefix}.{name}"
        for prefix, module in network.named_modules()
        if getattr(module, FROZEN, False)
        for name, _ in module.named_parameters()
    }
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def load_snapshot(path: Path) -> Snapshot:
    """The inverse of `save_snapshot`, in single precision."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, shape in json.loads(metadata.get("shapes", "{}")).items():
            stored[name] = _inflated(stored.pop(name + _DEFLATED), shape)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, zlib.error) as error:
        raise ParameterError(f"snapshot={str(path)!r}: is not a snapshot ({error})") from error
    if "images_seen" not in metadata:
        raise ParameterError(f"snapshot={str(path)!r}: is not a snapshot; it has no image count")
    weights = {
        name: dequantize(value, stored[name + _SCALE]) if name + _SCALE in stored else value.float()
        for name, value in stored.items()
        if not name.endswith(_SCALE)
    }
    return Snapshot(weights, int(metadata["images_seen"]), json.loads(metadata["config"]))


def _deflated(rounded: Int8[Tensor, ...]) -> UInt8[Tensor, " byte"]:
    """Small numbers are the most frequent ones: Huffman codes save a tenth."""
    deflate = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    packed = deflate.compress(rounded.numpy().tobytes()) + deflate.flush()
    return torch.from_numpy(np.frombuffer(packed, np.uint8).copy())


def _inflated(packed: UInt8[Tensor, " byte"], shape: list[int]) -> Int8[Tensor, ...]:
    values = np.frombuffer(zlib.decompress(packed.numpy().tobytes()), np.int8)
    return torch.from_numpy(values.copy()).reshape(shape)


def quantize(
    weight: Float[Tensor, "out ..."],
) -> tuple[Int8[Tensor, "out ..."], Float[Tensor, " out"]]:
    """Integers, and for each output channel what one of them stands for."""
    scale = weight.flatten(1).abs().amax(dim=1).clamp(min=1e-12) / _MOST
    rounded = torch.round(weight / _spread(scale, weight.ndim)).to(torch.int8)
    return rounded.contiguous(), scale


def dequantize(
    rounded: Int8[Tensor, "out ..."], scale: Float[Tensor, " out"]
) -> Float[Tensor, "out ..."]:
    """The inverse of `quantize`, to half a step of each channel's scale."""
    return rounded.float() * _spread(scale, rounded.ndim)


def _spread(scale: Float[Tensor, " out"], n_axes: int) -> Tensor:
    return scale.reshape(-1, *(1,) * (n_axes - 1))
