"""Weights in oneDNN's blocked layout, for inference on an x86 CPU.

PyTorch stores a layer's weights in rows, and oneDNN repacks them into blocks at each call; for the
few cells in a UNet's middle that takes longer than the multiplication. Here a layer is packed once,
at its first use, and the rows are freed; its output is channels-last, which suits the next layer
best. A convolution's blocks depend on the input size, and a call with the wrong ones may take sixty
times as long, so they are rebuilt for another size. The same input therefore always gives the same
output.
"""

from __future__ import annotations

import platform
from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class _Packed(nn.Module, ABC):
    """A layer whose weight is `packed` as soon as it was used without gradients.

    The weight can still be read and saved, which rebuilds it; `put_weight` replaces it.
    """

    packed: Tensor | None = None
    packed_for: tuple[int, ...] | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "weight" and self.packed is not None:
            return self.packed.to_dense()
        return super().__getattr__(name)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.packed is not None:
            destination[f"{prefix}weight"] = self.packed.to_dense()

    def _packed_weight(self, size: tuple[int, ...] | None = None) -> Tensor | None:
        """The weight packed for inputs of that size, None as long as gradients are asked for."""
        if torch.is_grad_enabled():
            return self.packed
        if self.packed is None or self.packed_for != size:
            held = self.weight if self.packed is None else self.packed
            self._set_packed(self._pack(held.detach(), size), size)
            self._parameters.pop("weight", None)
        return self.packed

    def _set_packed(self, packed: Tensor | None, size: tuple[int, ...] | None = None) -> None:
        self.__dict__.update(packed=packed, packed_for=size)  # no buffer: no part of the state

    @abstractmethod
    def _pack(self, weight: Tensor, size: tuple[int, ...] | None) -> Tensor:
        """The weight, in rows or blocks, in the blocks for inputs of that size if one is given."""


class PackedConv2d(_Packed, nn.Conv2d):
    """A convolution with zero padding."""

    def forward(self, hidden: Tensor) -> Tensor:
        packed = self._packed_weight(tuple(hidden.shape))
        if packed is None:
            return super().forward(hidden)
        shape = (self.padding, self.stride, self.dilation, self.groups)
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            hidden, packed, self.bias, *shape, "none", [], ""
        )
        return found

    def _pack(self, weight: Tensor, size: tuple[int, ...] | None) -> Tensor:
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        shape = (self.padding, self.stride, self.dilation, self.groups)
        packed: Tensor = reorder(weight if weight.is_mkldnn else weight.to_mkldnn(), *shape, size)
        return packed


class PackedLinear(_Packed, nn.Linear):
    def forward(self, hidden: Tensor) -> Tensor:
        packed = self._packed_weight()
        if packed is None:
            return super().forward(hidden)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            hidden, packed, self.bias, "none", [], ""
        )
        return found

    def _pack(self, weight: Tensor, size: tuple[int, ...] | None) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
        return packed


_KINDS: dict[type[nn.Module], type[_Packed]] = {nn.Conv2d: PackedConv2d, nn.Linear: PackedLinear}


def can_pack(dtype: torch.dtype) -> bool:
    """Whether oneDNN supports the dtype on this CPU, and packing is known to be faster."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if not torch.backends.mkldnn.is_available():
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def pack(network: nn.Module) -> None:
    """Make the network's layers pack their weights, in place, at their first use."""
    for module in network.modules():
        kind = _KINDS.get(type(module))
        if kind is not None and getattr(module, "padding_mode", "zeros") == "zeros":
            module.__class__ = kind


def sharing_copy(network: Network) -> Network:
    """A copy that shares all weights with the network, including packed ones."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *_all_packed(network))}
    return deepcopy(network, shared)


def put_weight(module: nn.Module, weight: Tensor) -> None:
    """Replace a layer's weight, in PyTorch's layout; it is packed again when used."""
    old = module._parameters.get("weight")
    if isinstance(module, _Packed):
        module._set_packed(None)
    module._parameters["weight"] = nn.Parameter(weight, old is not None and old.requires_grad)


def n_weights(network: nn.Module) -> int:
    """The number of the network's weights, including packed ones."""
    return sum(tensor.numel() for tensor in (*network.parameters(), *_all_packed(network)))


def _all_packed(network: nn.Module) -> list[Tensor]:
    return [packed for packed in map(_packed_of, network.modules()) if packed is not None]


def _packed_of(module: nn.Module) -> Tensor | None:
    return module.packed if isinstance(module, _Packed) else None
