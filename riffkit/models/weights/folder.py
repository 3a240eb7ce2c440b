"""A model as a folder in diffusers' layout: networks, each with its configuration and weights."""

from __future__ import annotations

from pathlib import Path

import torch

from riffkit.errors import ModelError
from riffkit.models.json_file import read_json
from riffkit.models.networks import Part, Parts
from riffkit.models.weights.architecture import check_class, check_configs
from riffkit.models.weights.mapped import Stored
from riffkit.models.weights.weight_file import read_weights
from riffkit.models.weights.weight_names import FULL_PRECISION, NETWORKS, choose_weights

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
INDEX = "model_index.json"
_VARIANTS = {torch.float16: "fp16", torch.bfloat16: "bf16"}


def read_folder(
    folder: Path, dtype: torch.dtype, *, named: str, variant: str | None, guided: bool = False
) -> Parts:
    """The networks of a folder, in the given variant, or else the one closest to `dtype`.

    The UNet of a `guided` one has channels for a guide. ModelError, starting with `named`, if
    something is missing or it is not a Stable Diffusion v1.
    """
    check_folder(folder, named=named)
    configs = {part: read_json(folder / part / "config.json") for part in NETWORKS}
    networks = (configs[part] for part in NETWORKS)
    check_configs(*networks, named=named, guided=guided)
    unet, vae, text_encoder = (
        Part(configs[part], _weights(folder / part, dtype, named=named, variant=variant))
        for part in NETWORKS
    )
    return Parts(unet, vae, text_encoder)


def check_folder(folder: Path, *, named: str) -> None:
    """Raise ModelError if parts are missing or the folder is something else."""
    if not (folder / INDEX).is_file():
        if (folder / "pytorch_lora_weights.safetensors").is_file():
            raise ModelError(
                f"{named}: is a LoRA; use `loras` for it and `model` for a whole model"
            )
        if (folder / "config.json").is_file():
            class_name = str(read_json(folder / "config.json").get("_class_name", ""))
            check_class(class_name, named=named)
        raise ModelError(
            f"{named}: contains no {INDEX}; choose a diffusers model folder or a single file"
        )
    check_class(str(read_json(folder / INDEX).get("_class_name", "")), named=named)
    for part in PARTS:
        if not (folder / part).is_dir():
            raise ModelError(f"{named}: its folder {part} is missing; copy the whole model")


def _weights(folder: Path, dtype: torch.dtype, *, named: str, variant: str | None) -> Stored:
    files = weight_files(folder, dtype, variant=variant)
    if not files:
        raise ModelError(
            f"{named}: no .safetensors or .bin weights in {folder.name}; copy the whole model"
        )
    shards = [read_weights(path, named=f"{named}: {folder.name}/{path.name}") for path in files]
    tensors = {name: tensor for shard in shards for name, tensor in shard.tensors.items()}
    return Stored(tensors, tuple(file for shard in shards for file in shard.files))


def weight_files(folder: Path, dtype: torch.dtype, *, variant: str | None = None) -> list[Path]:
    """The files of one network, in the given variant, or else the one that suits `dtype`."""
    wanted = _VARIANTS.get(dtype, FULL_PRECISION) if variant is None else variant
    names = (path.name for path in folder.iterdir())
    chosen = choose_weights(folder.name, names, wanted)
    return [] if chosen is None else [folder / name for name in chosen.files]
