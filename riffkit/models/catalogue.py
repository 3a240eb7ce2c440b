"""Lists and describes models and vocoders. Listing is light: it imports no torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from riffkit.errors import ModelError
from riffkit.models.hub.cache import CachedModel, cached, cached_models
from riffkit.models.hub.hub_id import is_hub_id, parse_hub_id, variant_of
from riffkit.models.json_file import read_json
from riffkit.models.locate import (
    BUNDLED_DEFAULT,
    bundled_models,
    find_model,
    model_traits,
    spectrogram_params,
)
from riffkit.models.weights.weight_names import NETWORKS
from riffkit.vocoder.registry import DEFAULT as DEFAULT_VOCODER
from riffkit.vocoder.registry import names as vocoder_names

_SINGLE_FILE_PARTS = {
    "model.diffusion_model.": "unet",
    "first_stage_model.": "vae",
    "cond_stage_model.": "text_encoder",
}


def list_models() -> list[dict[str, Any]]:
    """List bundled models, those in the hub's cache, and vocoders.

    Returns:
        A dict for each, with "name", "kind" ("model" or "vocoder") and "about", a line of text.

    Raises:
        ModelError: a cached model whose small files are damaged.

    Example:
        names = [row["name"] for row in riffkit.list_models() if row["kind"] == "model"]
    """
    rows: list[dict[str, Any]] = [
        {"name": name, "kind": "model", "about": _about(name, folder)}
        for name, folder in bundled_models().items()
    ]
    rows += map(_cached_row, cached_models())
    for name in vocoder_names():
        default = ", default" if name == DEFAULT_VOCODER else ""
        rows.append({"name": name, "kind": "vocoder", "about": f"vocoder{default}"})
    return rows


def _about(name: str, folder: Path) -> str:
    megabytes = sum(path.stat().st_size for path in folder.rglob("*.safetensors")) / 1e6
    default = ", default" if name == BUNDLED_DEFAULT else ""
    return f"model, bundled{default}, {spectrogram_params(folder).preset}, {megabytes:.0f} MB"


def _cached_row(model: CachedModel) -> dict[str, Any]:
    preset = spectrogram_params(model.path).preset
    size = f"{model.n_bytes / 1e6:.0f} MB"
    return {
        "name": str(model.hub_id),
        "kind": "model",
        "about": f"model, from the hub ({model.commit[:8]}), {preset}, {size}",
        "revision": model.commit,
        "preset": preset,
        "bytes": model.n_bytes,
    }


def describe_model(model: str) -> dict[str, Any]:
    """Describe a model without loading its weights; nothing is downloaded.

    Args:
        model: a bundled name, a folder, a single file, or a cached hub id.

    Returns:
        Its parts with their classes and sizes, its spectrogram parameters, its defaults.

    Raises:
        ModelError: the model is missing or damaged.

    Example:
        print(riffkit.describe_model("mini")["spectrogram"]["preset"])
    """
    path = _find_here(model)
    facts = (_folder_facts if path.is_dir() else _file_facts)(model, path)
    return {
        "name": model,
        **facts,
        "spectrogram": spectrogram_params(path).to_dict(),
        "defaults": asdict(model_traits(path)),
    }


def _find_here(model: str) -> Path:
    path = Path(model).expanduser()
    if path.is_file():
        return path
    if model in bundled_models() or path.is_dir() or not is_hub_id(model):
        return find_model(model)
    found = cached(parse_hub_id(model))
    if found is None:
        raise ModelError(
            f"model={model!r}: no such folder or file, and not in the local cache; run "
            f"`riff models pull {model}`"
        )
    return found


def _folder_facts(model: str, folder: Path) -> dict[str, Any]:
    import torch

    from riffkit.models.weights.folder import INDEX, check_folder, weight_files

    named = f"model={model!r}"
    check_folder(folder, named=named)
    index, variant = read_json(folder / INDEX), variant_of(model)
    weights = {
        part: weight_files(folder / part, torch.float32, variant=variant) for part in NETWORKS
    }
    return {
        "parts": {part: row[1] for part, row in index.items() if isinstance(row, list) and row[1]},
        "weights": {part: [path.name for path in paths] for part, paths in weights.items()},
        "parameters": {
            part: sum(_sizes(path, named=named).total() for path in paths)
            for part, paths in weights.items()
        },
    }


def _file_facts(model: str, path: Path) -> dict[str, Any]:
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "parameters": dict(_sizes(path, named=f"model={model!r}")),
    }


def _sizes(path: Path, *, named: str) -> Counter[str]:
    """How many numbers a file holds by the part that their names begin with, where they do."""
    from riffkit.models.weights.weight_file import read_weights

    sizes: Counter[str] = Counter()
    for name, tensor in read_weights(path, named=named).tensors.items():
        prefix = next((p for p in _SINGLE_FILE_PARTS if name.startswith(p)), None)
        sizes[_SINGLE_FILE_PARTS[prefix] if prefix else "other"] += tensor.numel()
    return sizes
