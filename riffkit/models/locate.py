"""Finds models, and reads the small files beside their weights."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from riffkit.errors import ModelError, reason_of
from riffkit.models.hub.fetch import from_hub
from riffkit.models.hub.hub_id import is_hub_id
from riffkit.models.json_file import read_json
from riffkit.prompt.traits import ModelTraits
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams

WEIGHTS = Path(__file__).parent.parent / "weights"
BUNDLED_DEFAULT = "mini"
RIFF_MINI_1 = "450c41af1347c00a"
"""The fingerprint of the model that was bundled up to version 0.2."""
_PARAMS, _TRAITS = "spectrogram.json", "riffkit.json"


def where_to_find(fingerprint: str) -> str:
    """What to do where a model with that fingerprint is needed and another is loaded."""
    if fingerprint == RIFF_MINI_1:
        return "that is riff-mini 1; `make mini-1` writes its folder, for `model`"
    return "set the location of the first with `model`"


def bundled_models() -> dict[str, Path]:
    """The models in the package, by name."""
    return {path.parent.name: path.parent for path in sorted(WEIGHTS.glob("*/model_index.json"))}


def find_model(model: str) -> Path:
    """The folder or file of a bundled name, a path, or a hub id (cached or downloaded)."""
    return local_model(model) or from_hub(model)


def local_model(model: str) -> Path | None:
    """The folder or file of a bundled name or a path; None for a hub id. ModelError for others."""
    if model in (bundled := bundled_models()):
        return bundled[model]
    path = Path(model).expanduser()
    if path.exists():
        return path
    if is_hub_id(model):
        return None
    raise ModelError(
        f"model={model!r}: no such folder, file or bundled model; "
        f"bundled: {', '.join(bundled) or 'none'}; a hub id looks like owner/name"
    )


def model_name(model: str) -> str:
    """What a model is called: a bundled name and a hub id as they are, of a path the last part."""
    path = Path(model).expanduser()
    is_path = model not in bundled_models() and path.exists()
    return Path(os.path.abspath(path)).name if is_path else model


def spectrogram_params(model: Path) -> SpectrogramParams:
    """A model's parameters, or riffusion-v1 (that of published checkpoints) if it has none."""
    path = _beside(model, _PARAMS)
    return RIFFUSION_V1 if path is None else SpectrogramParams.from_dict(read_json(path))


def says_its_params(model: Path) -> bool:
    """Whether a model has a `spectrogram.json`."""
    return _beside(model, _PARAMS) is not None


def model_traits(model: Path) -> ModelTraits:
    """The traits in the model's `riffkit.json`, or the defaults of `ModelTraits`."""
    path = _beside(model, _TRAITS)
    if path is None:
        return ModelTraits()
    from pydantic import TypeAdapter, ValidationError

    values = read_json(path)
    if other := sorted(set(values) - {field.name for field in fields(ModelTraits)}):
        raise ModelError(
            f"model: {path}: was made by another version of riffkit ({', '.join(other)}); update "
            "riffkit"
        )
    try:
        return TypeAdapter(ModelTraits).validate_python(values)
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"]))
        raise ModelError(
            f"model: {path}: {name} {reason_of(fault)}; copy the model again"
        ) from error


def _beside(model: Path, name: str) -> Path | None:
    """A small file in a model's folder; beside a single file as STEM.NAME, or for all as NAME."""
    if model.is_dir():
        paths = [model / name]
    else:
        paths = [model.with_name(f"{model.stem}.{name}"), model.with_name(name)]
    return next((path for path in paths if path.is_file()), None)
