"""What to say where a network gives NaN or infinity: a black image and loud noise otherwise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from riffkit.errors import ModelError
from riffkit.models.pipeline import Pipeline


def check_finite(pipeline: Pipeline, values: Tensor) -> None:
    """Raise ModelError for what a network gave, naming the layer or the dtype that is at fault."""
    if not bool(torch.isfinite(values).all()):
        raise ModelError(f"model={pipeline.name!r}: {_fault(pipeline)}")


def _fault(pipeline: Pipeline) -> str:
    networks: dict[str, nn.Module | None] = {
        "text encoder": pipeline.text_encoder,
        "UNet": pipeline.unet,
        "autoencoder": pipeline.vae,
        "grain network": pipeline.grain,
    }
    for part, network in networks.items():
        for name, module in () if network is None else network.named_modules():
            held = (getattr(module, kind, None) for kind in ("weight", "bias"))
            if any(isinstance(one, Tensor) and not torch.isfinite(one).all() for one in held):
                return (
                    f"layer {name} of its {part} contains NaN or infinity; copy the model again, "
                    "or use an earlier checkpoint"
                )
    if pipeline.unet.dtype == torch.float16:
        return "its numbers overflow in float16; use `dtype=bfloat16` or `dtype=float32`"
    return "its numbers overflow; use a lower `guidance`, another `sampler` or `dtype=float32`"
