"""Few steps: a model may carry a LoRA with which it needs only a handful, and no guidance.

`riff train distill` makes it, for steps of first order (train/distill.py). It lies in the model
folder's `few_steps` as diffusers writes LoRAs, and diffusers can load it too. Here it is added to
the weights without peft, whose import alone takes longer than two of the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from diffusers import UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file

from riffkit.errors import ModelError

FOLDER, FILE = "few_steps", "pytorch_lora_weights.safetensors"
MOST_STEPS = 8
"""Up to this many unguided steps are taken with the LoRA, if there is one."""

_PREFIX, _DOWN, _UP = "unet.", ".lora_A.weight", ".lora_B.weight"


def first_order(config: Mapping[str, Any]) -> dict[str, Any]:
    """A multi-step scheduler's configuration for steps that know nothing of the ones before."""
    return {**config, "solver_order": 1}


def with_lora(unet: UNet2DConditionModel, folder: Path) -> UNet2DConditionModel:
    """A copy of the UNet with the LoRA added to its weights; ModelError where it can't be read."""
    copy = deepcopy(unet)
    weights = copy.state_dict()
    try:
        layers = load_file(folder / FILE)
        for name in (name for name in layers if name.endswith(_DOWN)):
            layer = name.removesuffix(_DOWN)
            down, up = (layers[layer + end].to(unet.device).float() for end in (_DOWN, _UP))
            weight = weights[f"{layer.removeprefix(_PREFIX)}.weight"]
            weight += (up.flatten(1) @ down.flatten(1)).reshape(weight.shape).to(weight)
    except (OSError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{folder.name}: its LoRA can't be loaded ({type(error).__name__}); "
            "copy the whole model again"
        ) from error
    return copy
