"""What was trained as a model folder that diffusers alone can load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import CLIPTokenizer

from riffkit.atomic import atomic_path
from riffkit.models.distilled import FOLDER as FEW_STEPS
from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, find_model
from riffkit.models.pipeline import Pipeline
from riffkit.models.weights.weight_names import NETWORKS
from riffkit.spectrogram.params import FULL_BAND
from train.full import SCHEDULE, TextToLatents, new_unet
from train.render import NATIVE_TONICS
from train.score import STYLES
from train.score.caption_words import DRUMS_ONLY_WORDS
from train.score.facts import GRIM_MOODS, MOODS_OF_MODE, SUNNY_MOODS
from train.score.styles import StyleInfo
from train.state import load_ema
from train.text import new_text_encoder

DEFAULT_STEPS = 20
DEFAULT_GUIDANCE = 3.0
DEFAULT_BPM = 100.0


def export_pipeline(run: Path, folder: Path) -> None:
    """Write the averaged weights of `run` to `folder` in float16; an older folder is replaced."""
    network = TextToLatents(new_unet(), new_text_encoder())
    load_ema(network, run / "full" / "state.pt")
    exported = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(run / "vae"),
        text_encoder=network.text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(str(run / "tokenizer")),
        unet=network.unet,
        scheduler=DPMSolverMultistepScheduler(
            **SCHEDULE,
            algorithm_type="dpmsolver++",
            solver_order=2,
            timestep_spacing="trailing",
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with _replacing(folder) as temporary:
        _write_pipeline(exported, temporary, tokenizer=run / "tokenizer")
        _write_json(temporary / "spectrogram.json", FULL_BAND.to_dict())
        _write_json(temporary / "riffkit.json", _music_facts())
        if (folder / "README.md").exists():  # the model card is written by hand
            shutil.copy2(folder / "README.md", temporary / "README.md")


def export_tuned(folder: Path, pipeline: Pipeline, tuned: Mapping[str, Any]) -> None:
    """Write a checkpoint's model with the `tuned` networks (by part) instead of its own.

    What lies in its folder beside them is copied, but for the LoRA for few steps, which must be
    distilled anew. A single file's model becomes a folder; both say what their pictures are.
    """
    base = find_model(pipeline.loading["model"])
    with _replacing(folder) as temporary:
        if base.is_dir():
            shutil.copytree(base, temporary, ignore=shutil.ignore_patterns(FEW_STEPS, "README.md"))
            for part, network in tuned.items():
                shutil.rmtree(temporary / part)
                network.half().save_pretrained(temporary / part)
        else:
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
            _write_pipeline(exported, temporary, tokenizer=tokenizer)
        _write_json(temporary / "spectrogram.json", pipeline.params.to_dict())
        _write_json(temporary / "riffkit.json", asdict(pipeline.traits))


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A new folder's path, which takes the old one's place when it is whole."""
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    yield temporary
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def _write_pipeline(exported: StableDiffusionPipeline, folder: Path, *, tokenizer: Path) -> None:
    """In float16; the tokenizer as plain vocabulary and merges, a third of the library's format."""
    exported.to(torch.float16).save_pretrained(folder)
    for path in folder.glob("*/config.json"):
        _forget_origin(path)
    shutil.rmtree(folder / "tokenizer")
    shutil.copytree(tokenizer, folder / "tokenizer")


def _music_facts() -> dict[str, object]:
    return {
        "bar_cue": True,
        "names_tempo": True,
        "default_steps": DEFAULT_STEPS,
        "default_guidance": DEFAULT_GUIDANCE,
        "default_bpm": DEFAULT_BPM,
        "style_bpm": _of_style(lambda info: float(info.default_bpm)),
        "style_modes": _of_style(lambda info: list(info.modes)),
        "native_tonics": list(NATIVE_TONICS),
        "minor_words": sorted({*MOODS_OF_MODE[True], *GRIM_MOODS}),
        "major_words": sorted({*MOODS_OF_MODE[False], *SUNNY_MOODS}),
        "unpitched_words": list(DRUMS_ONLY_WORDS),
        "english": True,
    }


def _of_style(value: Callable[[StyleInfo], object]) -> dict[str, object]:
    """A value of each style, under all the style's names."""
    return {w: value(info) for name, info in STYLES.items() for w in (name, *info.words)}


def _forget_origin(path: Path) -> None:
    """diffusers notes the folder that a part was loaded from; it is nobody's business."""
    values = json.loads(path.read_text(encoding="utf-8"))
    values.pop("_name_or_path", None)
    _write_json(path, values)


def _write_json(path: Path, values: dict[str, object]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
