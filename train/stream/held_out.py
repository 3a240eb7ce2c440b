"""Clips that are never trained on: rendered once, and kept beside the ring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.numpy import load_file
from safetensors.torch import save_file

from riffkit.atomic import atomic_path
from train.stream.recipe import FIRST_HELD_OUT, draw_clip
from train.stream.ring import Ring

COUNTS = {"mix": 10, "stem": 10, "guide": 4}

Images = list[UInt8[np.ndarray, "plane row column"]]


def held_out_clips(ring: Ring, fonts: Sequence[Path], counts: dict[str, int]) -> dict[str, Images]:
    """Whole images by kind, the same ones for every run; those of three-four bars are narrower."""
    found = {}
    for kind, count in counts.items():
        path = ring.folder / f"held-out-{kind}-{count}.safetensors"
        if not path.exists():
            first = FIRST_HELD_OUT + 1_000 * list(COUNTS).index(kind)
            clips = [draw_clip(first + n, ring.params, fonts, kind=kind) for n in range(count)]
            with atomic_path(path) as temporary:
                tensors = {str(n): torch.from_numpy(c.pixels) for n, c in enumerate(clips)}
                save_file(tensors, temporary)
        stored = load_file(path)
        found[kind] = [stored[str(n)] for n in range(count)]
    return found
