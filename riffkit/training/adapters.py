"""LoRA layers in a model's networks, by peft: adding, removing and saving them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextModel

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
KOHYA_FILE = "kohya_lora_weights.safetensors"


def add_lora(network: nn.Module, *, rank: int, alpha: float, targets: Sequence[str]) -> None:
    """Add an untrained LoRA to a network of diffusers or transformers; only the LoRA is trained.
    ParameterError for targets that match no layer.
    """
    ends = {name: name.rsplit(".", 1)[-1] for name, _ in network.named_modules()}
    for target in targets:
        if not any(n == target or n.endswith(f".{target}") for n in ends):
            layers = sorted({e for n, e in ends.items() if _can_adapt(network.get_submodule(n))})
            raise ParameterError(
                f"targets={target!r}: no such layer; must be one of {', '.join(layers)}"
            )
    network.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha or rank, target_modules=list(targets))
    inject_adapter_in_model(config, network)
    for parameter in network.parameters():
        if parameter.requires_grad:  # learns in full precision, whatever the rest is held in
            parameter.data = parameter.data.float()


@contextmanager
def without_lora(network: nn.Module) -> Iterator[None]:
    """The network as it was before `add_lora`, for evaluation only."""
    layers = [module for module in network.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def _can_adapt(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.Conv2d)


def lora_layers(network: nn.Module, *, scale: float = 1.0) -> dict[str, Tensor]:
    """The down and up matrices by layer, in float32 on the CPU; `scale` goes into the up ones.

    CLIP's layers are called as published files call them, whatever transformers' version does.
    """
    layers = get_peft_model_state_dict(network)
    if isinstance(network, CLIPTextModel):
        layers = {f"text_model.{n.removeprefix('text_model.')}": t for n, t in layers.items()}
    return {
        name: (tensor.detach().float().cpu() * (scale if name.endswith(UP) else 1.0)).contiguous()
        for name, tensor in layers.items()
    }


def in_half(layers: Mapping[str, Tensor], *, max_bytes: int) -> dict[str, Tensor]:
    """The layers in float16, reduced in rank if they would exceed `max_bytes`."""
    if 2 * sum(tensor.numel() for tensor in layers.values()) <= max_bytes:
        return {name: tensor.half() for name, tensor in layers.items()}
    return strongest(layers, max_bytes=max_bytes)


def strongest(layers: Mapping[str, Tensor], *, max_bytes: int) -> dict[str, Tensor]:
    """In float16, without the directions that change the weights least for their size.

    Each layer's product is taken apart by its singular values (at least one stays).
    """
    parts, worth = {}, []
    for name in (name.removesuffix(DOWN) for name in layers if name.endswith(DOWN)):
        down, up = layers[name + DOWN].float(), layers[name + UP].float()
        left, values, right = _singular(up.flatten(1), down.flatten(1))
        size = left.shape[0] + right.shape[1]
        parts[name] = (left, values, right, down.shape[1:], up.shape[2:])
        worth += [(float(v) ** 2 / size, size, name, k) for k, v in enumerate(values)]
    sizes = {name: left.shape[0] + right.shape[1] for name, (left, _, right, *_) in parts.items()}
    ranks, budget = dict.fromkeys(parts, 1), max_bytes // 2 - sum(sizes.values())
    for _, size, name, k in sorted(worth, reverse=True):
        if k and size <= budget and k == ranks[name]:
            ranks[name], budget = k + 1, budget - size
    kept = {}
    for name, (left, values, right, down_shape, up_shape) in parts.items():
        rank, root = ranks[name], values[: ranks[name]].sqrt()
        kept[name + DOWN] = (root[:, None] * right[:rank]).reshape(rank, *down_shape).half()
        up = left[:, :rank] * root
        kept[name + UP] = up.reshape(*up.shape, *up_shape).half()
    return {name: tensor.contiguous() for name, tensor in kept.items()}


def _singular(up: Tensor, down: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular vectors and values of up · down, as many as its rank."""
    left, small_left = torch.linalg.qr(up)
    right, small_right = torch.linalg.qr(down.T)
    inner_left, values, inner_right = torch.linalg.svd(small_left @ small_right.T)
    return left @ inner_left, values, inner_right @ right.T


def save_lora(
    layers: Mapping[str, Mapping[str, Tensor]], path: Path, metadata: Mapping[str, str]
) -> None:
    """Write layers by part ("unet", "text_encoder") as diffusers does."""
    tensors = {f"{part}.{name}": t for part, those in layers.items() for name, t in those.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt", **metadata})


def save_kohya(
    layers: Mapping[str, Mapping[str, Tensor]], path: Path, metadata: Mapping[str, str]
) -> None:
    """Write layers in the layout of kohya's scripts, with an alpha for each layer."""
    prefixes = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}
    tensors: dict[str, Tensor] = {}
    ranks = []
    for part, those in layers.items():
        for name in (name.removesuffix(DOWN) for name in those if name.endswith(DOWN)):
            flat = prefixes[part] + name.removeprefix("text_model.").replace(".", "_")
            down, up = those[name + DOWN], those[name + UP]
            tensors |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
            tensors[f"{flat}.alpha"] = torch.tensor(float(len(down)), dtype=down.dtype)
            ranks.append(len(down))
    said = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(max(ranks)),
        "ss_network_alpha": str(float(max(ranks))),
        "ss_network_args": json.dumps({"conv_dim": str(max(ranks))}),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt", **said, **metadata})
