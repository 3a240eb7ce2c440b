"""The result for one source file, read from its folder in OUT/.work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class ClipWork:
    """One cut clip; `number` names its files."""

    number: int
    start_seconds: float
    seconds: float
    bpm: float | None
    key: str | None
    transpose: float
    loudness_lufs: float
    tags: dict[str, float]


@dataclass(frozen=True)
class SourceWork:
    """The result for one source. `error` says why none of it could be used."""

    seconds: float | None
    error: str | None
    clips: tuple[ClipWork, ...] = ()
    parts: tuple[tuple[float, float, str], ...] = ()
    """(start seconds, seconds, reason) of each part that isn't used."""


def read_work(folder: Path) -> SourceWork | None:
    """An earlier run's result for a source; None if it hadn't finished."""
    try:
        values = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    clips = tuple(ClipWork(**clip) for clip in values["clips"])
    parts = tuple((start, seconds, reason) for start, seconds, reason in values["parts"])
    return SourceWork(values["seconds"], values["error"], clips, parts)


def read_prints(folder: Path) -> Float[np.ndarray, "clip feature"]:
    return np.asarray(np.load(folder / "prints.npy"))


def clip_path(folder: Path, number: int, suffix: str) -> Path:
    return folder / f"{number:03d}{suffix}"
