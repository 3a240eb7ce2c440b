"""The optimizers that training runs choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import torch
from torch import nn

from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig


def new_optimizer(groups: list[dict[str, Any]], config: LoopConfig) -> torch.optim.Optimizer:
    """`config.optimizer` for some parameter groups, each with its `lr`.

    Muon needs each group to say in `use_muon` whether it is of hidden weights (`split_hidden`); the
    others are AdamW's. ParameterError where the optimizer's package isn't installed.
    """
    weight_decay = config.weight_decay
    if config.optimizer == "muon":
        muon = _imported("muon", "pytorch_optimizer", "Muon", "pytorch-optimizer")
        others = {"betas": config.betas, "weight_decay": weight_decay}
        return muon(
            [group if group["use_muon"] else {**others, **group} for group in groups],
            lr=config.learning_rate,
            weight_decay=weight_decay,
            use_adjusted_lr=True,
        )
    options: dict[str, Any] = {
        "lr": config.learning_rate,
        "betas": config.betas,
        "weight_decay": weight_decay,
    }
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, fused=True, **options)
    adamw8bit = _imported("adamw8bit", "bitsandbytes.optim", "AdamW8bit", "bitsandbytes")
    return adamw8bit(groups, **options)


def split_hidden(
    network: nn.Module, ends: Iterable[str]
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The trained parameters of a network: hidden weight matrices, and all others.

    Muon orthogonalizes updates of matrices that map features to features (Jordan et al. 2024,
    arXiv:2502.16982); a convolution's kernel is one of (output, input × rows × columns). Gains,
    biases and what begins or ends the network, whose names hold one of `ends`, are none.
    """
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    ends = tuple(ends)
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_hidden = parameter.ndim >= 2 and not any(end in name for end in ends)
            (hidden if is_hidden else others).append(parameter)
    return hidden, others


def _imported(
    optimizer: str, module: str, name: str, package: str
) -> Callable[..., torch.optim.Optimizer]:
    try:
        found: Callable[..., torch.optim.Optimizer] = getattr(import_module(module), name)
    except ImportError as error:
        raise ParameterError(
            f"optimizer={optimizer!r}: {package} is not installed; run `pip install {package}` or "
            "use adamw"
        ) from error
    return found
