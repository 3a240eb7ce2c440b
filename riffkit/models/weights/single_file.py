"""A whole Stable Diffusion v1 in one file, in the layout of the original code.

That layout numbers the blocks of the UNet through ("input_blocks.4.1.…"); diffusers' own functions
give them the names of its networks. The configuration is v1's, in widths and depths as the
weights' shapes say, so that smaller and larger relatives load too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from torch import Tensor

from riffkit.errors import ModelError
from riffkit.models.networks import Part, Parts
from riffkit.models.weights.architecture import check_tensors
from riffkit.models.weights.mapped import Stored
from riffkit.models.weights.weight_file import read_weights

CONFIGS = Path(__file__).parents[2] / "weights" / "sd_v1"
"""The configurations of v1, in the places where a model folder has them."""

_UNET, _EMA, _VAE, _TEXT = (
    "model.diffusion_model.",
    "model_ema.",
    "first_stage_model.",
    "cond_stage_model.transformer.",
)
_HEAD_SIZE = 64
"""Of CLIP's text encoders, whatever their width."""
_MOST_BLOCKS = 40
_SAYS_V = "v_pred"
"""An empty tensor of that name is how a single file says what its UNet predicts, if not noise."""

Tensors = Mapping[str, Tensor]


def read_single_file(path: Path, *, named: str) -> Parts:
    """The networks of a .safetensors or .ckpt file.

    ModelError, starting with `named`, if the file is not a Stable Diffusion v1.
    """
    stored = read_weights(path, named=named)
    check_tensors(stored.tensors, named=named)
    unet = _within(stored.tensors, _UNET) or _averaged(stored.tensors)
    vae, text = _within(stored.tensors, _VAE), _within(stored.tensors, _TEXT)
    text = {name.removeprefix("text_model."): tensor for name, tensor in text.items()}
    for part, tensors in (("UNet", unet), ("autoencoder", vae), ("text encoder", text)):
        if not tensors:
            raise ModelError(f"{named}: has no {part}; choose a file with the whole model")
    try:
        configs = unet_config(unet), vae_config(vae), text_config(text)
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise ModelError(
            f"{named}: is not a complete Stable Diffusion v1 model (no {error})"
        ) from error
    converted = (
        convert_ldm_unet_checkpoint({_UNET + k: v for k, v in unet.items()}, configs[0]),
        convert_ldm_vae_checkpoint({_VAE + k: v for k, v in vae.items()}, configs[1]),
        text,
    )
    unet_part, vae_part, text_part = (
        Part(config, Stored(tensors, stored.files))
        for config, tensors in zip(configs, converted, strict=True)
    )
    return Parts(
        unet_part,
        vae_part,
        text_part,
        scheduler={"prediction_type": "v_prediction"} if _SAYS_V in stored.tensors else {},
    )


def unet_config(tensors: Tensors) -> dict[str, Any]:
    """diffusers' configuration of a UNet in the original layout."""
    resnets = _blocks(tensors, r"input_blocks\.(\d+)\.0\.in_layers\.2\.weight")
    attended = _blocks(tensors, r"input_blocks\.(\d+)\.1\.norm\.weight")
    downs = _blocks(tensors, r"input_blocks\.(\d+)\.0\.op\.weight")
    ends = [*downs, max(resnets) + 1]
    levels = [
        range(first + 1, end) for first, end in zip([0, *downs], ends, strict=True)
    ]  # the layers between one downsampling and the next
    has_attention = [any(layer in attended for layer in level) for level in levels]
    text_matrix = next(t for name, t in tensors.items() if name.endswith("attn2.to_k.weight"))
    out_channels, in_channels = len(tensors["out.2.weight"]), tensors["input_blocks.0.0.weight"]
    return _config("unet") | {
        "in_channels": in_channels.shape[1],
        "out_channels": out_channels,
        "block_out_channels": [
            len(tensors[f"input_blocks.{level[0]}.0.in_layers.2.weight"]) for level in levels
        ],
        "layers_per_block": len(levels[0]),
        "cross_attention_dim": text_matrix.shape[1],
        "use_linear_projection": any(
            name.endswith("1.proj_in.weight") and t.ndim == 2 for name, t in tensors.items()
        ),
        "down_block_types": [
            "CrossAttnDownBlock2D" if attention else "DownBlock2D" for attention in has_attention
        ],
        "up_block_types": [
            "CrossAttnUpBlock2D" if attention else "UpBlock2D" for attention in has_attention[::-1]
        ],
    }


def vae_config(tensors: Tensors) -> dict[str, Any]:
    """diffusers' configuration of an autoencoder in the original layout."""
    levels = _blocks(tensors, r"encoder\.down\.(\d+)\.block\.0\.conv1\.weight")
    layers = _blocks(tensors, r"encoder\.down\.0\.block\.(\d+)\.conv1\.weight")
    return _config("vae") | {
        "block_out_channels": [
            len(tensors[f"encoder.down.{level}.block.0.conv1.weight"]) for level in levels
        ],
        "layers_per_block": len(layers),
        "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
        "down_block_types": ["DownEncoderBlock2D"] * len(levels),
        "up_block_types": ["UpDecoderBlock2D"] * len(levels),
    }


def text_config(tensors: Tensors) -> dict[str, Any]:
    """transformers' configuration of a CLIP text encoder."""
    n_words, width = tensors["embeddings.token_embedding.weight"].shape
    layers = _blocks(tensors, r"encoder\.layers\.(\d+)\.mlp\.fc1\.weight")
    return _config("text_encoder") | {
        "vocab_size": n_words,
        "hidden_size": width,
        "projection_dim": width,
        "num_attention_heads": max(1, width // _HEAD_SIZE),
        "num_hidden_layers": len(layers),
        "intermediate_size": len(tensors["encoder.layers.0.mlp.fc1.weight"]),
        "max_position_embeddings": len(tensors["embeddings.position_embedding.weight"]),
    }


def _config(part: str) -> dict[str, Any]:
    return dict(json.loads((CONFIGS / part / "config.json").read_text(encoding="utf-8")))


def _blocks(tensors: Tensors, pattern: str) -> list[int]:
    """The numbers that the pattern's group stands for in the names, ascending."""
    found = {int(match[1]) for name in tensors if (match := re.fullmatch(pattern, name))}
    if not found:
        raise KeyError(pattern.replace("\\", ""))
    return sorted(found)


def _within(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _averaged(tensors: Tensors) -> dict[str, Tensor]:
    """The UNet's moving average, which is stored under names without their dots."""
    stored = _within(tensors, _EMA)
    names = {"diffusion_model" + name.replace(".", ""): name for name in _unet_names()}
    return {names[flat]: tensor for flat, tensor in stored.items() if flat in names}


def _unet_names() -> list[str]:
    """All names that a UNet of v1's kind may have."""
    block = "transformer_blocks.0"
    attention = [
        f"{block}.{attn}.{to}" for attn in ("attn1", "attn2") for to in ("to_q", "to_k", "to_v")
    ]
    layers = [
        "in_layers.0",
        "in_layers.2",
        "emb_layers.1",
        "out_layers.0",
        "out_layers.3",
        "skip_connection",
        "norm",
        "proj_in",
        "proj_out",
        "op",
        "conv",
        *attention,
        *(f"{block}.{attn}.to_out.0" for attn in ("attn1", "attn2")),
        *(f"{block}.ff.net.{n}" for n in ("0.proj", "2")),
        *(f"{block}.norm{n}" for n in (1, 2, 3)),
    ]
    places = [
        *(
            f"{side}.{n}.{k}"
            for side, n, k in product(
                ("input_blocks", "output_blocks"), range(_MOST_BLOCKS), range(3)
            )
        ),
        *(f"middle_block.{k}" for k in range(3)),
    ]
    whole = ["input_blocks.0.0", "time_embed.0", "time_embed.2", "out.0", "out.2"]
    stems = [*whole, *(f"{place}.{layer}" for place, layer in product(places, layers))]
    return [f"{stem}.{kind}" for stem in stems for kind in ("weight", "bias")]
