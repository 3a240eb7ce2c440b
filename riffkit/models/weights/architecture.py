"""Recognizes models that aren't Stable Diffusion v1, by the names and shapes of their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riffkit.errors import ModelError

_FIRST = "model.diffusion_model.input_blocks.0.0.weight"
_TEXT_MATRIX = "transformer_blocks.0.attn2.to_k.weight"
_V1_TEXT, _V2_TEXT = 768, 1024
_KINDS_BY_CHANNELS = {
    5: "a depth model (its UNet has 5 input channels)",
    7: "an upscaler (its UNet has 7 input channels)",
    8: "an instruct-pix2pix model (its UNet has 8 input channels)",
    9: "an inpainting model (its UNet has 9 input channels)",
}
_OTHER_WORLDS = {
    "joint_blocks.": "a Stable Diffusion 3",
    "double_blocks.": "a Flux model",
    "conditioner.embedders.1.": "a Stable Diffusion XL",
    "conditioner.embedders.": "a Stable Diffusion XL refiner",
    "model.diffusion_model.label_emb.": "a Stable Diffusion XL",
    "cond_stage_model.model.": "a Stable Diffusion 2",
    "control_model.": "a ControlNet",
    "input_hint_block.": "a ControlNet",
    "controlnet_": "a ControlNet",
    "motion_modules.": "an animation model",
}
_INVERSIONS = ("string_to_param", "emb_params")
_PIPELINES = {
    "StableDiffusionXL": "a Stable Diffusion XL",
    "StableDiffusion3": "a Stable Diffusion 3",
    "Flux": "a Flux model",
    "ControlNet": "a ControlNet",
    "UNet2DConditionModel": "a UNet alone",
    "AutoencoderKL": "an autoencoder alone",
}
_WANTED = "a Stable Diffusion v1 is needed"


def check_tensors(tensors: Mapping[str, Any], *, named: str) -> None:
    """Raise ModelError if a single file's tensors are not a Stable Diffusion v1."""
    if not tensors:
        raise ModelError(f"{named}: contains no weights; {_WANTED}")
    if any(".lora_" in name or name.startswith("lora_") for name in tensors):
        raise ModelError(f"{named}: is a LoRA; use `loras` for it and `model` for a whole model")
    if kind := _kind_of(tensors):
        raise ModelError(f"{named}: is {kind}; {_WANTED}")


def _kind_of(tensors: Mapping[str, Any]) -> str | None:
    for sign, kind in _OTHER_WORLDS.items():
        if any(name.startswith(sign) or f".{sign}" in name for name in tensors):
            return kind
    if _FIRST in tensors:
        n_channels = tensors[_FIRST].shape[1]
        n_latents = _latent_channels(tensors)
        if n_latents is not None and n_channels != n_latents:
            return _by_channels(n_channels)
    for name, tensor in tensors.items():
        if name.endswith(_TEXT_MATRIX) and tensor.shape[-1] == _V2_TEXT:
            return f"a Stable Diffusion 2 (its text is {_V2_TEXT} wide, v1's {_V1_TEXT})"
    if _FIRST in tensors or any(name.startswith("model_ema.") for name in tensors):
        return None
    if any(name.startswith(_INVERSIONS) for name in tensors):
        return "a textual inversion"
    return _part_alone(tensors)


def _part_alone(tensors: Mapping[str, Any]) -> str:
    signs = {
        "a UNet alone": ("down_blocks.", "input_blocks.", "unet."),
        "an autoencoder alone": ("first_stage_model.", "encoder.down", "decoder.up", "decoder.mid"),
        "a text encoder alone": ("text_model.", "cond_stage_model.", "embeddings."),
    }
    for kind, prefixes in signs.items():
        if any(name.startswith(prefixes) for name in tensors):
            return kind
    return f"something else (found {next(iter(tensors))!r})"


def _latent_channels(tensors: Mapping[str, Any]) -> int | None:
    into = tensors.get("first_stage_model.decoder.conv_in.weight")
    out = tensors.get("model.diffusion_model.out.2.weight")
    return into.shape[1] if into is not None else None if out is None else len(out)


def _by_channels(n_channels: int) -> str:
    return _KINDS_BY_CHANNELS.get(
        n_channels, f"another kind of model (its UNet has {n_channels} input channels)"
    )


def check_class(class_name: str, *, named: str) -> None:
    """Raise ModelError if a folder's `_class_name` is of another kind of model."""
    kind = next((kind for sign, kind in _PIPELINES.items() if sign in class_name), None)
    if kind is not None:
        raise ModelError(f"{named}: is {kind} ({class_name}); {_WANTED}")


def check_configs(
    unet: Mapping[str, Any],
    vae: Mapping[str, Any],
    text: Mapping[str, Any],
    *,
    named: str,
    guided: bool = False,
) -> None:
    """Raise ModelError if a folder's networks have another architecture.

    The UNet of a `guided` one takes a guide's latents too, as InstructPix2Pix's does.
    """
    n_channels, n_latents = unet.get("in_channels", 4), vae.get("latent_channels", 4)
    if n_channels != n_latents * (2 if guided else 1):
        raise ModelError(f"{named}: is {_by_channels(n_channels)}; {_WANTED}")
    if unet.get("cross_attention_dim") == _V2_TEXT and text.get("hidden_size") == _V2_TEXT:
        raise ModelError(
            f"{named}: is a Stable Diffusion 2 (its text is {_V2_TEXT} wide, v1's {_V1_TEXT}); "
            f"{_WANTED}"
        )
