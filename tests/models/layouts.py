"""Stable Diffusion v1 with random weights, small or whole, and every layout it is published in."""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from riffkit.models.locate import WEIGHTS
from riffkit.models.weights.single_file import CONFIGS

FOLDERS = ("folder", "folder-fp16", "folder-variant", "folder-both", "folder-bin", "folder-sharded")
FILES = ("safetensors", "safetensors-fp16", "ckpt", "ckpt-fp16", "ckpt-legacy", "ckpt-ema")
LAYOUTS = FOLDERS + FILES
STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}

Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Model:
    """The networks by part; their weights are of numbers that float16 holds exactly."""

    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module

    def tensors(self, part: str, dtype: torch.dtype = torch.float32) -> Tensors:
        """Under the published names."""
        state = getattr(self, part).state_dict()
        if part == "text_encoder":
            state = {f"text_model.{k.removeprefix('text_model.')}": v for k, v in state.items()}
        return {name: tensor.to(dtype).contiguous() for name, tensor in state.items()}


def small_v1() -> Model:
    """Of v1's architecture, thin and shallow."""
    return random_v1(
        unet={
            "block_out_channels": (32, 64, 64),
            "layers_per_block": 2,
            "cross_attention_dim": 64,
            "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        },
        vae={"block_out_channels": (32, 32, 64, 64), "layers_per_block": 1},
        text={
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 1,
            "projection_dim": 64,
        },
    )


def full_v1() -> Model:
    """Of v1's size: 1.07 billion numbers, 2.1 GB as float16, made in some seconds."""
    return random_v1(unet={}, vae={}, text={})


def random_v1(unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any]) -> Model:
    """v1's configuration with some of it replaced, its weights small, random and float16."""
    with init_empty_weights(include_buffers=False):
        networks = (
            UNet2DConditionModel.from_config({**_config("unet"), **unet}),
            AutoencoderKL.from_config({**_config("vae"), **vae}),
            CLIPTextModel(CLIPTextConfig.from_dict({**_config("text_encoder"), **text})),
        )
    generator = torch.Generator().manual_seed(0)
    for network in networks:
        state = {}
        for name, empty in network.state_dict().items():
            fan = empty[0].numel() if empty.ndim > 1 else 0
            noise = torch.empty(empty.shape, dtype=torch.float16).uniform_(
                -1, 1, generator=generator
            )
            is_scale = empty.ndim == 1 and name.endswith("weight")
            state[name] = noise.mul_((fan or 2500) ** -0.5).add_(float(is_scale))
        network.load_state_dict(state, assign=True)
        network.eval().requires_grad_(False)
    return Model(*networks)


def write_layout(model: Model, layout: str, path: Path) -> Path:
    """Write it into `path` (a folder, made if need be); what is given to --model is returned."""
    path.mkdir(parents=True, exist_ok=True)
    if layout in FOLDERS:
        return _write_folder(model, layout, path / layout)
    dtype = torch.float16 if layout.endswith("fp16") else torch.float32
    tensors = original_names(model, dtype)
    if layout.startswith("safetensors"):
        save_file(tensors, path / f"{layout}.safetensors", metadata={"format": "pt"})
        return path / f"{layout}.safetensors"
    if layout == "ckpt-ema":
        tensors = {_averaged_name(name): tensor for name, tensor in tensors.items()}
    saved = {"state_dict": OrderedDict(tensors), "global_step": 7, "epoch": 1}
    file = path / f"{layout}.ckpt"
    torch.save(saved, file, _use_new_zipfile_serialization=layout != "ckpt-legacy")
    return file


def _averaged_name(name: str) -> str:
    head = "model.diffusion_model."
    if not name.startswith(head):
        return name
    return "model_ema.diffusion_model" + name.removeprefix(head).replace(".", "")


def _config(part: str) -> dict[str, Any]:
    return dict(json.loads((CONFIGS / part / "config.json").read_text(encoding="utf-8")))


def _write_folder(model: Model, layout: str, folder: Path) -> Path:
    shutil.copytree(CONFIGS / "scheduler", folder / "scheduler")
    shutil.copytree(WEIGHTS / "mini" / "tokenizer", folder / "tokenizer")
    for part in ("unet", "vae", "text_encoder"):
        (folder / part).mkdir()
        config = getattr(model, part).config
        values = dict(config) if isinstance(config, dict) else config.to_dict()
        (folder / part / "config.json").write_text(json.dumps(values, default=str))
        _write_part(model, part, layout, folder / part)
    parts = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPFeatureExtractor"],
    }
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.9.0", **parts}
    (folder / "model_index.json").write_text(json.dumps(index))
    for extra in ("safety_checker/pytorch_model.bin", "unet_traced/unet_traced.pt"):
        (folder / extra).parent.mkdir()
        (folder / extra).write_bytes(b"not weights of ours")
    return folder


def _write_part(model: Model, part: str, layout: str, folder: Path) -> None:
    stem = STEMS.get(part, "model")
    single, half = model.tensors(part), model.tensors(part, torch.float16)
    if layout == "folder-fp16":
        save_file(half, folder / f"{stem}.safetensors")
    if layout in ("folder", "folder-both"):
        save_file(single, folder / f"{stem}.safetensors")
    if layout in ("folder-variant", "folder-both"):
        save_file(half, folder / f"{stem}.fp16.safetensors")
    if layout == "folder-bin":
        torch.save(_old_names(single), folder / f"{STEMS.get(part, 'pytorch_model')}.bin")
    if layout == "folder-sharded":
        names = sorted(single)
        shards = {f"{stem}-0000{n}-of-00002.safetensors": names[n - 1 :: 2] for n in (1, 2)}
        for file, inside in shards.items():
            save_file({name: single[name] for name in inside}, folder / file)
        where = {name: file for file, inside in shards.items() for name in inside}
        index = {"metadata": {}, "weight_map": where}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))


def _old_names(tensors: Tensors) -> Tensors:
    """As diffusers called the autoencoder's attention when riffusion-v1 was published."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    named = {}
    for name, tensor in tensors.items():
        if "coder.mid_block.attentions" in name:
            for new, was in old.items():
                name = name.replace(f".{new}.", f".{was}.")
        named[name] = tensor
    return named


def original_names(model: Model, dtype: torch.dtype) -> Tensors:
    """All tensors under the names of the original code."""
    unet, vae, text = (model.tensors(part, dtype) for part in ("unet", "vae", "text_encoder"))
    n_layers = int(model.unet.config["layers_per_block"])  # type: ignore[index, union-attr]
    n_levels = len(model.vae.config["block_out_channels"])  # type: ignore[index, union-attr]
    ids = {"embeddings.position_ids": torch.arange(77)[None]}
    return {
        **{f"model.diffusion_model.{_unet_name(k, n_layers, unet)}": v for k, v in unet.items()},
        **{f"first_stage_model.{_vae_name(k, n_levels)}": _vae_shape(k, v) for k, v in vae.items()},
        **{f"cond_stage_model.transformer.{k}": v for k, v in text.items()},
        **{f"cond_stage_model.transformer.text_model.{k}": v for k, v in ids.items()},
        "betas": torch.linspace(0, 1, 1000),
    }


_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def _unet_name(name: str, n_layers: int, tensors: Tensors) -> str:
    head, _, kind = name.rpartition(".")
    if head in _ENDS:
        return f"{_ENDS[head]}.{kind}"
    words = name.split(".")
    if words[0] == "mid_block":
        place = {"resnets": 2 * int(words[2]), "attentions": 1}[words[1]]
        return ".".join(["middle_block", str(place), _leaf(words[3:])])
    level, what, layer = int(words[1]), words[2], int(words[3])
    first = (n_layers + 1) * level
    if words[0] == "down_blocks":
        if what == "downsamplers":
            return f"input_blocks.{first + n_layers + 1}.0.op.{kind}"
        return f"input_blocks.{first + layer + 1}.{int(what == 'attentions')}.{_leaf(words[4:])}"
    if what == "upsamplers":
        attended = any(other.startswith(f"up_blocks.{level}.attentions") for other in tensors)
        return f"output_blocks.{first + n_layers}.{1 + attended}.conv.{kind}"
    return f"output_blocks.{first + layer}.{int(what == 'attentions')}.{_leaf(words[4:])}"


def _leaf(words: list[str]) -> str:
    return ".".join([_RESNET.get(words[0], words[0]), *words[1:]])


def _vae_name(name: str, n_levels: int) -> str:
    words = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    words = words.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
    parts = words.replace("resnets", "block").split(".")
    if parts[1] == "down_blocks":
        parts[1] = "down"
    elif parts[1] == "up_blocks":
        parts[1:3] = ["up", str(n_levels - 1 - int(parts[2]))]
    elif parts[1] == "mid_block":
        kind = "attn_1" if parts[2] == "attentions" else f"block_{int(parts[3]) + 1}"
        parts[1:4] = ["mid", kind]
        inside = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
        if kind == "attn_1":
            parts[3:] = [inside[parts[3]], parts[-1]]
    return ".".join(parts)


def _vae_shape(name: str, tensor: Tensor) -> Tensor:
    """The original's attention is of convolutions of 1 × 1."""
    return tensor[..., None, None] if "attentions" in name and tensor.ndim == 2 else tensor
