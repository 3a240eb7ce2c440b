"""The optimizers that training runs choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn

from riffkit.device import has_bfloat16
from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig


def new_optimizer(groups: list[dict[str, Any]], config: LoopConfig) -> torch.optim.Optimizer:
    """`config.optimizer` for some parameter groups, each with its `lr`.

    Muon needs each group to say in `use_muon` whether it is of hidden weights (`split_hidden`); the
    others are AdamW's. ParameterError where the optimizer's package isn't installed.
    """
    weight_decay = config.weight_decay
    if config.optimizer == "muon":
        muon = _muon(groups)
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


def _muon(groups: Sequence[Mapping[str, Any]]) -> Callable[..., torch.optim.Optimizer]:
    """Muon, which orthogonalizes in bfloat16; in float32 on a device where that is slow.

    There the iteration is done on the Gram matrix, in a third of the time: single precision needs
    none of the restarts that half precision does.
    """
    muon: Any = _imported("muon", "pytorch_optimizer", "Muon", "pytorch-optimizer")
    if all(has_bfloat16(one.device) for group in groups for one in group["params"][:1]):
        return cast(Callable[..., torch.optim.Optimizer], muon)
    from pytorch_optimizer.optimizer.utils.matrix import zero_power_via_gram_newton_schulz

    class SinglePrecisionMuon(muon):
        @staticmethod
        def _orthogonalize(group: Mapping[str, Any], updates: list[Tensor]) -> list[Tensor]:
            return [
                zero_power_via_gram_newton_schulz(
                    update.reshape(len(update), -1),
                    num_steps=group["ns_steps"],
                    weights=group["ns_coeffs"],
                    dtype=torch.float32,
                    reset_steps=(),
                )
                for update in updates
            ]

    return SinglePrecisionMuon


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
