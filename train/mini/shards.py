"""Shards of captioned loop images, as `train.mini.render` writes them.

A shard is a `clips-N.jsonl` (facts and captions of each clip) beside a `pixels-N-WIDTH.npy`
for each image width (UInt8 "clip plane row column"). The jsonl file is written last, so that a
shard is whole or absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from riffkit.errors import ParameterError


@dataclass(frozen=True)
class Clip:
    """One line of a shard's jsonl file."""

    seed: int
    width: int
    row: int
    captions: tuple[str, ...]
    facts: dict[str, Any]


def read_clips(folder: Path) -> dict[int, list[Clip]]:
    """The clips of every finished shard, by shard number."""
    shards = {}
    for path in sorted(folder.glob("clips-*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        clips = [Clip(**{**line, "captions": tuple(line["captions"])}) for line in lines]
        shards[int(path.stem.split("-")[1])] = clips
    if not shards:
        raise ParameterError(
            f"data={folder.name!r}: contains no clips; make some with `riff train render`"
        )
    return shards


def open_pixels(folder: Path, shard: int, width: int) -> UInt8[np.ndarray, "clip plane row column"]:
    """The images of one width of a shard, memory-mapped."""
    return np.load(pixels_path(folder, shard, width), mmap_mode="r")


def clips_path(folder: Path, shard: int) -> Path:
    return folder / f"clips-{shard:05d}.jsonl"


def pixels_path(folder: Path, shard: int, width: int) -> Path:
    return folder / f"pixels-{shard:05d}-{width}.npy"
