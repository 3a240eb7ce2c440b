"""Cached latents: every image of a dataset encoded once, with its tokenised captions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

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
from train.facts import fact_words
from train.mini.autoencoder import N_SOUND_CHANNELS
from train.mini.crops import pixels_to_signal
from train.mini.loops import Loop, read_loops


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
    autoencoder: AutoencoderKL, loops: Sequence[Loop]
) -> Float[Tensor, "clip channel row column"]:
    """The sound channels of the latents of loops of one width."""
    batches = []
    enabled = has_bfloat16(torch.device("cpu"))
    with torch.no_grad(), circular_in_time(autoencoder):
        for loop in loops:  # larger batches fall out of the processor's cache, and are slower
            signal = pixels_to_signal(loop.pixels()[None])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                mean = autoencoder.encode(signal).latent_dist.mean
            batches.append(mean[:, :N_SOUND_CHANNELS].float())
    return torch.cat(batches)


def cache_latents(
    data: Path, out: Path, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer
) -> Iterator[int]:
    """Write `latents-N-WIDTH.safetensors` for each shard of `data`; yields clips done."""
    out.mkdir(parents=True, exist_ok=True)
    for shard, of_shard in groupby(read_loops(data), key=lambda loop: loop.shard):
        loops = list(of_shard)
        for width in sorted({loop.width for loop in loops}):
            path = out / f"latents-{shard.stem}-{width}.safetensors"
            if path.exists():
                continue
            chosen = [loop for loop in loops if loop.width == width]
            latents = encode_images(autoencoder, chosen)
            tensors = {
                "latents": latents.half(),
                "tokens": _tokens(chosen, tokenizer),
                "beats_per_bar": torch.tensor([c.facts["beats_per_bar"] for c in chosen]),
            }
            facts = json.dumps([c.facts for c in chosen])
            with atomic_path(path) as temporary:
                save_file(tensors, temporary, metadata={"facts": facts})
            yield len(chosen)


def _tokens(clips: list[Loop], tokenizer: CLIPTokenizer) -> Int[Tensor, "clip caption token"]:
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
    for path in sorted(folder.glob("latents-*.safetensors"), key=_held_out_last):
        width = int(path.stem.split("-")[-1])
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


def _held_out_last(path: Path) -> tuple[bool, str]:
    return "-test-" in path.name, path.name
