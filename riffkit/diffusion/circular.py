"""Circular in time: the networks see a loop, whose last column leads into its first.

Zero padding tells a convolution where an image ends, and a loop has no end. Inside
`circular_in_time`, every convolution of the given networks wraps along the time axis (the
last one) and keeps its own padding along frequency. Attention has no positions and group
norm no borders, so a network is then equivariant: rolling its input by a multiple of its
total stride rolls its output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from diffusers.models.downsampling import Downsample2D
from torch import Tensor, nn
from torch.nn import functional


def _wrap(
    module: nn.Module, inputs: tuple[Tensor, ...], *, left: int, right: int, below: int
) -> tuple[Tensor, ...]:
    """A pre-hook: `left` and `right` columns from the other end, `below` rows of zeros.

    `functional.pad` would give rows of channels where channels came last, and each convolution
    then turns its input round again: whole pictures decode in two thirds of its time.
    """
    hidden = inputs[0]
    before = (hidden[..., hidden.shape[-1] - left :],) if left else ()
    hidden = torch.cat((*before, hidden, hidden[..., :right]), dim=-1)
    if below:
        hidden = functional.pad(hidden, (0, 0, 0, below))
    return (hidden, *inputs[1:])


@contextmanager
def _wrapping_conv(conv: nn.Conv2d, *, left: int, right: int, below: int = 0) -> Iterator[None]:
    padding = conv.padding
    assert not isinstance(padding, str), "diffusers' convolutions have numeric padding"
    hook = conv.register_forward_pre_hook(partial(_wrap, left=left, right=right, below=below))
    conv.padding = (padding[0], 0)
    try:
        yield
    finally:
        conv.padding = padding
        hook.remove()


@contextmanager
def _wrapping_downsampler(downsampler: Downsample2D) -> Iterator[None]:
    """The autoencoder's downsampler pads one column right and one row below by itself."""
    conv = downsampler.conv
    assert isinstance(conv, nn.Conv2d) and downsampler.padding == 0
    downsampler.padding = 1  # only tells its forward() not to pad
    try:
        with _wrapping_conv(conv, left=0, right=1, below=1):
            yield
    finally:
        downsampler.padding = 0


@contextmanager
def circular_in_time(*networks: nn.Module, enabled: bool = True) -> Iterator[None]:
    """Make `networks` wrap along time while the context lasts; they are restored on leaving."""
    with ExitStack() as stack:
        for module in _modules(*networks) if enabled else ():
            if isinstance(module, Downsample2D) and module.use_conv and module.padding == 0:
                stack.enter_context(_wrapping_downsampler(module))
            elif isinstance(module, nn.Conv2d) and module.padding[1]:
                columns = int(module.padding[1])
                stack.enter_context(_wrapping_conv(module, left=columns, right=columns))
        yield


def _modules(*networks: nn.Module) -> Iterator[nn.Module]:
    for network in networks:
        yield from network.modules()
