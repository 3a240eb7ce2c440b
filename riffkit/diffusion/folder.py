"""A model as a folder in diffusers' layout: networks, each with its configuration and weights.

Weights are safetensors or pickled (.bin), whole or in shards, plain or as a variant in another
precision, in any mixture.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from riffkit.diffusion.architecture import check_class, check_configs
from riffkit.diffusion.json_file import read_json
from riffkit.diffusion.networks import Part, Parts
from riffkit.diffusion.stored import Stored
from riffkit.diffusion.weight_files import read_weights
from riffkit.errors import ModelError

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
INDEX = "model_index.json"
_STEMS = {
    "unet": ("diffusion_pytorch_model",),
    "vae": ("diffusion_pytorch_model",),
    "text_encoder": ("model", "pytorch_model"),
}
_WEIGHTS = re.compile(
    r"(?P<stem>\w+?_model|model)"
    r"(?:\.(?P<variant>[\w-]+?))?(?P<shard>-\d{5}-of-\d{5})?\.(?P<kind>safetensors|bin)"
    r"(?P<index>\.index(?:\.(?P<index_variant>[\w-]+))?\.json)?"
)
_VARIANTS = {torch.float16: "fp16", torch.bfloat16: "bf16"}


def read_folder(folder: Path, dtype: torch.dtype, *, named: str, variant: str | None) -> Parts:
    """The networks of a folder, in the variant that is asked for, else the one next to `dtype`.

    ModelError begins with `named` and says what is missing, or what it is that is no Stable
    Diffusion v1.
    """
    check_folder(folder, named=named)
    configs = {part: read_json(folder / part / "config.json") for part in _STEMS}
    check_configs(configs["unet"], configs["vae"], configs["text_encoder"], named=named)
    return Parts(
        **{
            part: Part(configs[part], _weights(folder / part, dtype, named=named, variant=variant))
            for part in _STEMS
        }
    )


def check_folder(folder: Path, *, named: str) -> None:
    """ModelError where parts are missing, or the folder holds something else."""
    if not (folder / INDEX).is_file():
        if (folder / "pytorch_lora_weights.safetensors").is_file():
            raise ModelError(f"{named}: is a LoRA; give it as --lora, and a whole model as --model")
        if (folder / "config.json").is_file():
            class_name = str(read_json(folder / "config.json").get("_class_name", ""))
            check_class(class_name, named=named)
        raise ModelError(
            f"{named}: holds no {INDEX}; give a model folder in diffusers' layout, or one file"
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
    """The files of one network: in the variant asked for, else the one that suits the dtype."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _WEIGHTS.fullmatch(path.name)
        if match is None or match["stem"] not in _STEMS[folder.name] or match["shard"]:
            continue
        kind, form = match["kind"], "index" if match["index"] else "whole"
        found.setdefault((match["variant"] or match["index_variant"] or "", kind), {})[form] = path
    if not found:
        return []
    wanted = _VARIANTS.get(dtype, "") if variant is None else variant

    def rank(key: tuple[str, str]) -> tuple[Any, ...]:
        name, kind = key
        return name != wanted, name != "", name not in ("fp32", "fp16", "bf16"), kind == "bin", name

    forms = found[min(found, key=rank)]
    return [forms["whole"]] if "whole" in forms else _shards(forms["index"])


def _shards(index: Path) -> list[Path]:
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    return [index.parent / Path(str(name)).name for name in names]
