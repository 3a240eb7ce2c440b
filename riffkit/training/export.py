"""Exports a fine-tuned model as a pipeline folder that diffusers can load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from riffkit.atomic import atomic_path
from riffkit.models.distilled import FOLDER as FEW_STEPS
from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, find_model
from riffkit.models.others_quiet import others_quiet
from riffkit.models.pipeline import Pipeline
from riffkit.models.weights.weight_names import NETWORKS

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


def export_tuned(folder: Path, pipeline: Pipeline, tuned: Mapping[str, Any]) -> None:
    """Write a checkpoint's model with the `tuned` networks (by part) instead of its own.

    What lies in its folder beside them is copied, but for the LoRA for few steps, which must be
    distilled anew. A single-file model becomes a folder; both get their spectrogram parameters.
    """
    base = find_model(pipeline.loading["model"])
    with replacing(folder) as temporary, others_quiet():
        if base.is_dir():
            shutil.copytree(base, temporary, ignore=shutil.ignore_patterns(FEW_STEPS, "README.md"))
            for part, network in tuned.items():
                shutil.rmtree(temporary / part)
                network.half().save_pretrained(temporary / part)
        else:
            from diffusers import StableDiffusionPipeline

            networks = {**{part: getattr(pipeline, part) for part in NETWORKS}, **tuned}
            exported = StableDiffusionPipeline(
                **networks,
                tokenizer=pipeline.tokenizer,
                scheduler=pipeline.scheduler,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
            tokenizer = bundled_models()[BUNDLED_DEFAULT] / "tokenizer"
            write_pipeline(exported, temporary, tokenizer=tokenizer)
        write_json(temporary / "spectrogram.json", pipeline.params.to_dict())
        traits = replace(pipeline.traits, vocabulary={})  # it has learned words of its own
        write_json(temporary / "riffkit.json", asdict(traits))


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """The path of a new folder that replaces `folder` once it is complete."""
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    yield temporary
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def write_pipeline(exported: StableDiffusionPipeline, folder: Path, *, tokenizer: Path) -> None:
    """In float16; the tokenizer as plain vocabulary and merges, a third of the library's format."""
    exported.to(torch.float16).save_pretrained(folder)
    for path in folder.glob("*/config.json"):
        _forget_origin(path)
    shutil.rmtree(folder / "tokenizer")
    shutil.copytree(tokenizer, folder / "tokenizer")


def _forget_origin(path: Path) -> None:
    """diffusers notes the folder that a part was loaded from; it is nobody's business."""
    values = json.loads(path.read_text(encoding="utf-8"))
    values.pop("_name_or_path", None)
    write_json(path, values)


def write_json(path: Path, values: dict[str, object]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
