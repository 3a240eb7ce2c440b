"""NaN and infinity in a network are said, with the layer or the dtype; nothing is written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from riffkit.errors import ModelError
from riffkit.models.finite import check_finite
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.music.riff import Riff


@pytest.fixture
def fresh(tiny_folder: Path) -> Pipeline:
    """A model of its own, to be spoiled."""
    return load_pipeline(str(tiny_folder), device="cpu")


@pytest.mark.parametrize(
    ("part", "layer"),
    [
        ("text_encoder", "encoder.layers.0.mlp.fc1"),
        ("unet", "mid_block.attentions.0.proj_in"),
        ("vae", "decoder.conv_out"),
    ],
)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_layer_is_named(fresh: Pipeline, part: str, layer: str, bad: float) -> None:
    network: Any = getattr(fresh, part)
    names = dict(network.named_modules())
    layer = layer if layer in names else f"text_model.{layer}"
    with torch.no_grad():
        names[layer].weight.view(-1)[3] = bad
    riff = Riff(fresh)
    with pytest.raises(ModelError, match=rf"layer {layer} of its .* contains NaN or infinity"):
        riff.generate("piano", bars=1, steps=1, seed=1, quality="preview")


def test_an_overflow_names_what_helps(fresh: Pipeline) -> None:
    values = torch.tensor([1.0, math.inf])
    with pytest.raises(ModelError, match="use a lower `guidance`"):
        check_finite(fresh, values)
    check_finite(fresh, values[:1])
    fresh.unet.half()
    with pytest.raises(ModelError, match="overflow in float16; use `dtype=bfloat16`"):
        check_finite(fresh, values)
