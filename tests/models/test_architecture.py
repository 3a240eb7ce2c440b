"""What is no Stable Diffusion v1 is called by its name, in a line that says what is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from riffkit.errors import ModelError
from riffkit.models.pipeline import load_pipeline
from tests.models.layouts import Model, original_names, small_v1, write_layout

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."


@pytest.fixture(scope="module")
def model() -> Model:
    return small_v1()


@pytest.fixture
def tensors(model: Model) -> dict[str, Tensor]:
    return original_names(model, torch.float16)


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    return write_layout(model, "folder-fp16", tmp_path)


def said_of(path: Path, wanted: str) -> None:
    with pytest.raises(ModelError) as error:
        load_pipeline(str(path), device="cpu")
    said = str(error.value)
    assert wanted in said
    assert "\n" not in said
    assert said.startswith(f"model={str(path)!r}: ")
    assert len(said) < 300 + len(str(path))


def said_of_file(tensors: dict[str, Tensor], wanted: str, tmp_path: Path) -> None:
    """The same of both kinds of file."""
    save_file({name: t.contiguous() for name, t in tensors.items()}, tmp_path / "x.safetensors")
    said_of(tmp_path / "x.safetensors", wanted)
    torch.save({"state_dict": tensors}, tmp_path / "x.ckpt")
    said_of(tmp_path / "x.ckpt", wanted)


@pytest.mark.parametrize(
    ("n_channels", "wanted"),
    [(9, "an inpainting model"), (8, "pix2pix"), (5, "a depth model"), (7, "an upscaler")],
)
def test_other_inputs_of_the_unet(
    n_channels: int, wanted: str, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    first = f"{UNET}input_blocks.0.0.weight"
    wide = tensors[first].new_zeros(32, n_channels, 3, 3)
    said_of_file({**tensors, first: wide}, wanted, tmp_path)


def test_other_families(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    zero = torch.zeros(2)
    v2_text = torch.zeros(64, 1024)
    signs = {
        "conditioner.embedders.1.model.ln_final.bias": "Stable Diffusion XL",
        "conditioner.embedders.0.model.ln_final.bias": "Stable Diffusion XL refiner",
        f"{UNET}joint_blocks.0.x_block.attn.qkv.bias": "Stable Diffusion 3",
        f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale": "Flux",
        "double_blocks.0.img_attn.norm.key_norm.scale": "Flux",
        "cond_stage_model.model.ln_final.bias": "Stable Diffusion 2",
        "control_model.time_embed.0.bias": "ControlNet",
    }
    for name, wanted in signs.items():
        said_of_file({name: zero}, wanted, tmp_path)
        said_of_file({**tensors, name: zero}, wanted, tmp_path)
    matrix = f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    said_of_file({**tensors, matrix: v2_text}, "Stable Diffusion 2", tmp_path)


def test_parts_and_small_things(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    def only(*prefixes: str) -> dict[str, Tensor]:
        return {name: t for name, t in tensors.items() if name.startswith(prefixes)}

    def bare(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): t for name, t in only(prefix).items()}

    said_of_file(only(UNET), "has no autoencoder", tmp_path)
    said_of_file(only(UNET, VAE), "has no text encoder", tmp_path)
    said_of_file(bare(VAE), "an autoencoder alone", tmp_path)
    said_of_file(only(VAE), "an autoencoder alone", tmp_path)
    said_of_file(bare(UNET), "a UNet alone", tmp_path)
    said_of_file(bare(f"{TEXT}text_model."), "a text encoder alone", tmp_path)
    pair = {"lora_down.weight": torch.zeros(2, 4), "lora_up.weight": torch.zeros(4, 2)}
    kohya = {f"lora_unet_mid_block_attentions_0_proj_in.{k}": t for k, t in pair.items()}
    said_of_file(kohya, "is a LoRA; use `loras`", tmp_path)
    peft = {f"unet.mid_block.attentions.0.proj_in.{k[5:]}": t for k, t in pair.items()}
    renamed = {k.replace("down.", "lora_A.").replace("up.", "lora_B."): t for k, t in peft.items()}
    said_of_file(renamed, "is a LoRA; use `loras`", tmp_path)
    said_of_file({"emb_params": torch.zeros(2, 768)}, "textual inversion", tmp_path)
    inversion = {"string_to_param.*": torch.zeros(2, 768)}
    said_of_file(inversion, "textual inversion", tmp_path)
    whole = {**tensors, "embedding_manager.string_to_param_dict.x": torch.zeros(2, 768)}
    save_file({name: t.contiguous() for name, t in whole.items()}, tmp_path / "trained.safetensors")
    assert load_pipeline(str(tmp_path / "trained.safetensors"), device="cpu").unet is not None
    said_of_file({"some.thing": torch.zeros(2)}, "found 'some.thing'", tmp_path)


def test_missing_and_misshapen_weights(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    name = f"{UNET}middle_block.1.proj_in.weight"
    conv = f"{UNET}middle_block.0.in_layers.2.weight"
    without = {k: t for k, t in tensors.items() if k != name}
    said_of_file(without, "lacks 1 weights, such as mid_block.attentions.0.proj_in", tmp_path)
    said_of_file({**tensors, conv: torch.zeros(3, 3)}, "is [3, 3], not [64, 64, 3, 3]", tmp_path)


def test_files_that_are_none(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    text = tmp_path / "x.ckpt"
    text.write_text("this is no checkpoint, whatever it is called\n" * 10)
    said_of(text, "neither a safetensors nor a checkpoint file")
    save_file(tensors, tmp_path / "whole.safetensors")
    data = (tmp_path / "whole.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    for n_bytes in (len(data) - 1, len(data) // 2, 5000, 12):
        cut.write_bytes(data[:n_bytes])
        said_of(cut, "truncated")
    cut.write_bytes(data.replace(b'"F16"', b'"F17"', 1))
    said_of(cut, "F17")
    cut.write_bytes(data[:8] + b"{" * 40 + data[48:])
    said_of(cut, "header is damaged")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"model_index.json": {"_class_name": "StableDiffusionXLPipeline"}}, "Diffusion XL"),
        ({"model_index.json": {"_class_name": "FluxPipeline"}}, "Flux"),
        ({"unet/config.json": {"in_channels": 9}}, "an inpainting model"),
        ({"unet/config.json": {"in_channels": 8}}, "pix2pix"),
        (
            {
                "unet/config.json": {"cross_attention_dim": 1024},
                "text_encoder/config.json": {"hidden_size": 1024},
            },
            "Stable Diffusion 2",
        ),
    ],
)
def test_folders_of_something_else(
    changes: dict[str, dict[str, Any]], wanted: str, folder: Path
) -> None:
    for place, values in changes.items():
        path = folder / place
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    said_of(folder, wanted)


def test_folders_of_a_part(tmp_path: Path) -> None:
    for class_name, wanted in (
        ("ControlNetModel", "a ControlNet"),
        ("AutoencoderKL", "an autoencoder alone"),
        ("UNet2DConditionModel", "a UNet alone"),
    ):
        (tmp_path / "config.json").write_text(json.dumps({"_class_name": class_name}))
        said_of(tmp_path, wanted)
    (tmp_path / "config.json").unlink()
    said_of(tmp_path, "contains no model_index.json")
    (tmp_path / "pytorch_lora_weights.safetensors").write_bytes(b"")
    said_of(tmp_path, "is a LoRA; use `loras`")
