"""Builds the three networks of a model from their configurations and stored weights."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from torch.overrides import TorchFunctionMode
from transformers import CLIPTextConfig, CLIPTextModel

from riffkit.device import single_thread
from riffkit.errors import ModelError
from riffkit.models.weights.mapped import Stored

_OLD_VAE_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


@dataclass(frozen=True, eq=False)
class Part:
    """A stored network."""

    config: dict[str, Any]
    weights: Stored


@dataclass(frozen=True, eq=False)
class Parts:
    """The stored networks of a model; `scheduler` has the scheduler settings stored with them."""

    unet: Part
    vae: Part
    text_encoder: Part
    scheduler: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of a model, ready to use."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel


def build(parts: Parts, *, dtype: torch.dtype, device: torch.device, named: str) -> Networks:
    """Build the networks; each weight is copied once, from its file, in its dtype.

    ModelError, starting with `named`, if weights and configuration don't match.
    """
    with init_empty_weights(include_buffers=False), _Undrawn():
        unet = UNet2DConditionModel.from_config(parts.unet.config)
        vae = AutoencoderKL.from_config(parts.vae.config)
        text_encoder = CLIPTextModel(_text_config(parts.text_encoder.config, dtype))
    made = {"unet": unet, "vae": vae, "text_encoder": text_encoder}
    states = {}
    n_threads = torch.get_num_threads()
    # new memory is what copies wait for, so there are several at a time
    with single_thread(), ThreadPoolExecutor(n_threads) as pool:
        for name, network in made.items():
            weights = getattr(parts, name).weights
            placed = _placed(f"{named}: its {name}", network.state_dict(), weights)
            materialize = partial(weights.materialized, dtype=dtype, device=device)
            states[name] = dict(zip(placed, pool.map(materialize, placed.values()), strict=True))
    for name, network in made.items():
        network.load_state_dict(states[name], assign=True)
        network.to(device).eval().requires_grad_(False)
    return Networks(**made)


class _Undrawn(TorchFunctionMode):
    """Within it nothing draws random weights, which is slow where there is no memory for them."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "").endswith(("normal_", "uniform_")):  # torch.nn.init's too
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def _text_config(values: dict[str, Any], dtype: torch.dtype) -> CLIPTextConfig:
    config = CLIPTextConfig.from_dict(values.get("text_config") or values)
    assert isinstance(config, CLIPTextConfig)
    config.dtype = dtype
    return config


def _placed(named: str, wanted: dict[str, Tensor], weights: Stored) -> dict[str, Tensor]:
    """The stored weights under the network's names, in its shapes."""
    placed = {}
    for stored_name, tensor in weights.tensors.items():
        name = _name_in(wanted, stored_name)
        if name is not None:
            placed[name] = _shaped(named, name, tensor, wanted[name].shape)
    if missing := wanted.keys() - placed.keys():
        raise ModelError(f"{named} lacks {len(missing)} weights, such as {min(missing)}")
    return placed


def _name_in(wanted: dict[str, Tensor], name: str) -> str | None:
    """A stored weight's name in the network; None for what it doesn't have.

    CLIP's "text_model." is there or not as transformers' version is; autoencoders written before
    diffusers 0.17 call the matrices of their attention otherwise.
    """
    names = [name, name.removeprefix("text_model."), f"text_model.{name}"]
    if len(words := name.rsplit(".", 2)) == 3 and words[1] in _OLD_VAE_NAMES:
        names.append(f"{words[0]}.{_OLD_VAE_NAMES[words[1]]}.{words[2]}")
    return next((found for found in names if found in wanted), None)


def _shaped(named: str, name: str, tensor: Tensor, wanted: torch.Size) -> Tensor:
    """A matrix and a convolution of 1 × 1 are the same thing."""
    given = tensor.shape
    if given == wanted:
        return tensor
    if given[:2] != wanted[:2] or tensor.numel() != wanted.numel():
        raise ModelError(f"{named} is damaged: {name} is {list(given)}, not {list(wanted)}")
    return tensor.reshape(wanted)
