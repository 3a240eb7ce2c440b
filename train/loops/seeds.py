"""The bundled seeds of loops: two bars of real renders in a few styles, as latents."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from riffkit.atomic import atomic_path
from riffkit.diffusion.latents import pixels_to_latents
from riffkit.models.pipeline import load_pipeline
from riffkit.prompt.key import parse_tonic
from riffkit.score import write_score
from train.loops.render import NATIVE_TONICS, render_clip
from train.sounds.soundfonts import find_soundfont

FIRST_SEED = 900_000  # no model has seen them
STYLES = ("lo-fi hip hop", "house", "funk", "rock", "ambient", "jazz swing")


def write_seeds(path: Path) -> list[str]:
    """Render the first band of each style, encode it with the bundled model; the names."""
    pipeline = load_pipeline(device="cpu")
    latents, facts = {}, {}
    for style in STYLES:
        seed = next(seed for seed in count(FIRST_SEED) if _is_band(seed, style))
        pixels, truth = render_clip(seed, find_soundfont())
        image = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        name = style.replace(" ", "-")
        encoded = pixels_to_latents(pipeline, image, circular=True)[0, :-1]
        latents[name] = encoded.to(torch.float16).contiguous()
        facts[name] = json.dumps({"bpm": truth.bpm, "key": f"{truth.key} {truth.mode}"})
    with atomic_path(path) as temporary:
        save_file(latents, temporary, metadata=facts)
    return list(latents)


def _is_band(seed: int, style: str) -> bool:
    facts = write_score(seed, tonics=[parse_tonic(name) for name in NATIVE_TONICS]).facts
    complete = facts.drums or style == "ambient"
    return (facts.style, facts.texture, facts.beats_per_bar) == (style, "band", 4) and complete
