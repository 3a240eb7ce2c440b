"""Few-step sampling: a model may include a LoRA for a handful of unguided steps.

`riff train distill` makes it, for steps of first order (train/distill.py). It lies in the
model folder's `few_steps` as diffusers writes LoRAs, and diffusers can load it too. Here it is
added to the weights (lora.py) without peft, whose import alone takes longer than two steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import UNet2DConditionModel

from riffkit.errors import ModelError
from riffkit.models.lora import read_lora, with_layers
from riffkit.models.lora_file import FILE

FOLDER = "few_steps"
MOST_STEPS = 8
"""Up to this many unguided steps use the few-step LoRA, if there is one."""
GUIDED_STEPS = 12
"""Guided steps that sound as good as few unguided ones: `riff eval --prompts 60 --guidance 3` finds
a Fréchet distance of 21.1 at 4 steps, 17.4 at 8 and 16.1 at 12, and has 16.4 at 4 with the LoRA.
"""


def first_order(config: Mapping[str, Any]) -> dict[str, Any]:
    """A multi-step scheduler's configuration for steps that know nothing of the ones before."""
    return {**config, "solver_order": 1}


def with_lora(unet: UNet2DConditionModel, folder: Path) -> UNet2DConditionModel:
    """A copy of the UNet with the LoRA added to its weights; ModelError if it can't be read."""
    try:
        lora = read_lora(folder / FILE)
        return with_layers(unet, lora.layers["unet"], 1.0, name=lora.name)
    except ModelError as error:
        raise ModelError(
            f"{folder.name}: its few-step LoRA can't be loaded; copy the whole model again"
        ) from error
