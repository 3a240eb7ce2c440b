"""Cached latents: every image of a dataset encoded once, with its tokenised captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from riffkit.atomic import atomic_path
from riffkit.diffusion.seam import circular_in_time
from train.autoencoder import N_SOUND_CHANNELS, pixels_to_signal
from train.shards import Clip, open_pixels, read_clips

_BATCH = 1  # larger batches fall out of the cache, and are slower


@dataclass(frozen=True)
class CachedClips:
    """Clips of one image width, ready to train on without any audio library."""

    latents: Float[Tensor, "clip channel row column"]
    tokens: Int[Tensor, "clip caption token"]
    beats_per_bar: Int[Tensor, " clip"]


def encode_images(
    autoencoder: AutoencoderKL, pixels: np.ndarray
) -> Float[Tensor, "clip channel row column"]:
    """The sound channels of the latents of UInt8 "clip plane row column" loops."""
    batches = []
    with torch.no_grad(), circular_in_time(autoencoder):
        for start in range(0, len(pixels), _BATCH):
            signal = pixels_to_signal(pixels[start : start + _BATCH])
            with torch.autocast("cpu", dtype=torch.bfloat16):
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
    for path in sorted(folder.glob("latents-*.safetensors")):
        parts.setdefault(int(path.stem.split("-")[2]), []).append(load_file(path))
    return {
        width: CachedClips(
            latents=torch.cat([part["latents"] for part in shards]),
            tokens=torch.cat([part["tokens"] for part in shards]),
            beats_per_bar=torch.cat([part["beats_per_bar"] for part in shards]),
        )
        for width, shards in parts.items()
    }
