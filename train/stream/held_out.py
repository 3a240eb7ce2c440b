"""Clips that are never trained on: rendered once, and kept beside the ring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.numpy import load_file
from safetensors.torch import save_file

from riffkit.atomic import atomic_path
from train.stream.recipe import FIRST_HELD_OUT, DrawnClip
from train.stream.ring import Ring

COUNTS = {"mix": 10, "stem": 10, "guide": 4}
KINDS = tuple(COUNTS)

Images = list[UInt8[np.ndarray, "plane row column"]]


def held_out_number(kind: str, n: int) -> int:
    """The number of a kind's n-th held-out clip."""
    return FIRST_HELD_OUT + 1_000 * KINDS.index(kind) + n


def held_out_clips(
    ring: Ring, draw: Callable[..., DrawnClip], counts: dict[str, int]
) -> dict[str, Images]:
    """Whole images by kind, the same ones for every run; those of three-four bars are narrower."""
    found = {}
    for kind, count in counts.items():
        path = ring.folder / f"held-out-{kind}-{count}.safetensors"
        if not path.exists():
            clips = [draw(held_out_number(kind, n), kind=kind) for n in range(count)]
            with atomic_path(path) as temporary:
                tensors = {str(n): torch.from_numpy(c.pixels) for n, c in enumerate(clips)}
                save_file(tensors, temporary)
        stored = load_file(path)
        found[kind] = [stored[str(n)] for n in range(count)]
    return found
