"""Cached latents: every image of a dataset encoded once, with its tokenised captions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Bool, Float, Int
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTokenizer

from riffkit.atomic import atomic_path
from riffkit.device import has_bfloat16
from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError
from train.mini.autoencoder import N_SOUND_CHANNELS
from train.mini.crops import pixels_to_signal
from train.mini.shards import Clip, open_pixels, read_clips

_BATCH = 1  # larger batches fall out of the cache, and are slower


@dataclass(frozen=True)
class CachedClips:
    """Clips of one image width, ready to train on without any audio library.

    `facts` is 1 where a fact, such as "instrument violin", is true of a clip; what each column
    means is the same for all widths.
    """

    latents: Float[Tensor, "clip channel row column"]
    tokens: Int[Tensor, "clip caption token"]
    beats_per_bar: Int[Tensor, " clip"]
    facts: Bool[Tensor, "clip fact"]


def encode_images(
    autoencoder: AutoencoderKL, pixels: np.ndarray
) -> Float[Tensor, "clip channel row column"]:
    """The sound channels of the latents of UInt8 "clip plane row column" loops."""
    batches = []
    enabled = has_bfloat16(torch.device("cpu"))
    with torch.no_grad(), circular_in_time(autoencoder):
        for start in range(0, len(pixels), _BATCH):
            signal = pixels_to_signal(pixels[start : start + _BATCH])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                mean = autoencoder.encode(signal).latent_dist.mean
            batches.append(mean[:, :N_SOUND_CHANNELS].float())
    return torch.cat(batches)


def cache_latents(
    data: Path, out: Path, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer
) -> Iterator[int]:
    """Write `latents-N-WIDTH.safetensors` for each shard of `data`; yields clips done."""
    out.mkdir(parents=True, exist_ok=True)
    for shard, clips in read_clips(data).items():
        for width in sorted({clip.width for clip in clips}):
            path = out / f"latents-{shard:05d}-{width}.safetensors"
            if path.exists():
                continue
            chosen = sorted((c for c in clips if c.width == width), key=lambda clip: clip.row)
            latents = encode_images(autoencoder, open_pixels(data, shard, width))
            tensors = {
                "latents": latents.half(),
                "tokens": _tokens(chosen, tokenizer),
                "beats_per_bar": torch.tensor([c.facts["beats_per_bar"] for c in chosen]),
            }
            facts = json.dumps([{**c.facts, "seed": c.seed} for c in chosen])
            with atomic_path(path) as temporary:
                save_file(tensors, temporary, metadata={"facts": facts})
            yield len(chosen)


def _tokens(clips: list[Clip], tokenizer: CLIPTokenizer) -> Int[Tensor, "clip caption token"]:
    rows = [
        tokenizer(
            list(clip.captions), padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids
        for clip in clips
    ]
    return torch.stack(rows).to(torch.int32)


def read_latents(folder: Path) -> dict[int, CachedClips]:
    """All cached clips by image width."""
    parts: dict[int, list[dict[str, Tensor]]] = {}
    said: dict[int, list[set[str]]] = {}
    for path in sorted(folder.glob("latents-*.safetensors")):
        width = int(path.stem.split("-")[2])
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            parts.setdefault(width, []).append(
                dict(zip(names, map(file.get_tensor, names), strict=True))
            )
            clips = json.loads(file.metadata()["facts"])
        said.setdefault(width, []).extend(fact_words(clip) for clip in clips)
    if not parts:
        raise ParameterError(
            f"{folder.parent.name}/{folder.name}: contains no latents; make them with "
            "`riff train latents`"
        )
    columns = {w: n for n, w in enumerate(sorted(set().union(*itertools.chain(*said.values()))))}
    return {
        width: CachedClips(
            latents=torch.cat([part["latents"] for part in shards]),
            tokens=torch.cat([part["tokens"] for part in shards]),
            beats_per_bar=torch.cat([part["beats_per_bar"] for part in shards]),
            facts=torch.tensor([[word in clip for word in columns] for clip in said[width]]),
        )
        for width, shards in parts.items()
    }


def fact_words(facts: Mapping[str, Any]) -> set[str]:
    """The facts of a clip that its captions may tell, each as a name and a value."""
    words = {f"instrument {name}" for name in facts.get("instruments", ())}
    words |= {f"mood {name}" for name in facts.get("mood", ())}
    single = ("style", "key", "mode", "drums", "density", "texture", "figure")
    words |= {f"{name} {facts[name]}" for name in single if facts.get(name)}
    if facts.get("key"):
        words.add(f"key {facts['key']} {facts['mode']}")
    return words
