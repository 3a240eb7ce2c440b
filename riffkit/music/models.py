"""What models and vocoders there are, and what each is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import safe_open

from riffkit.diffusion.checkpoint import (
    BUNDLED_DEFAULT,
    bundled_models,
    find_model,
    model_traits,
    spectrogram_params,
)
from riffkit.vocoder.registry import DEFAULT as DEFAULT_VOCODER
from riffkit.vocoder.registry import names as vocoder_names

_WEIGHTED_PARTS = ("unet", "vae", "text_encoder")


def list_models() -> list[dict[str, str]]:
    """Bundled models and the vocoders, by name."""
    rows = [
        {"name": name, "kind": "model", "about": _about(name, folder)}
        for name, folder in bundled_models().items()
    ]
    for name in vocoder_names():
        default = ", default" if name == DEFAULT_VOCODER else ""
        rows.append({"name": name, "kind": "vocoder", "about": f"vocoder{default}"})
    return rows


def _about(name: str, folder: Path) -> str:
    megabytes = sum(path.stat().st_size for path in folder.rglob("*.safetensors")) / 1e6
    default = ", default" if name == BUNDLED_DEFAULT else ""
    return f"model, bundled{default}, {spectrogram_params(folder).preset}, {megabytes:.0f} MB"


def describe_model(model: str) -> dict[str, Any]:
    """Parts with their classes and sizes, spectrogram parameters, defaults; loads no weights."""
    folder = find_model(model)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    return {
        "name": model,
        "parts": {part: index[part][1] for part in index if isinstance(index[part], list)},
        "parameters": {part: _n_parameters(folder / part) for part in _WEIGHTED_PARTS},
        "spectrogram": spectrogram_params(folder).to_dict(),
        "defaults": asdict(model_traits(folder)),
    }


def _n_parameters(folder: Path) -> int:
    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                size = 1
                for length in file.get_slice(name).get_shape():
                    size *= length
                total += size
    return total
