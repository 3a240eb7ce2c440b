"""Real music that generated clips are compared with: a dataset's, a folder's. Light: no torch."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riffkit.dataset.formats import read_dataset_info, read_metadata
from riffkit.errors import ParameterError
from riffkit.tasks.generate import GenerateRequest

_FEWEST = 4
_AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class RealClip:
    """A clip of a dataset, on the beat grid if it has a tempo.

    Its training image was `transpose` semitones lower than it sounds.
    """

    path: Path
    split: str
    bpm: float | None
    beats_per_bar: int
    transpose: float


def read_real_clips(dataset: Path) -> list[RealClip]:
    """The clips of a dataset; ParameterError if there are too few, or none held out."""
    read_dataset_info(dataset)
    clips = [
        RealClip(
            dataset / record.file_name,
            record.split,
            record.bpm,
            record.beats_per_bar,
            record.transpose,
        )
        for record in read_metadata(dataset)
    ]
    for split in ("train", "test"):
        n = sum(clip.split == split for clip in clips)
        if n < _FEWEST:
            raise ParameterError(
                f"dataset={dataset.name!r}: has {n} {split} clips; at least {_FEWEST} are needed"
            )
    return clips


def genre_requests(
    prompt: str, clips: Sequence[RealClip], n_clips: int, *, seed: int = 0, **options: Any
) -> list[GenerateRequest]:
    """The same prompt with seeds from `seed` on, at the dataset's usual tempo."""
    if n_clips < _FEWEST:
        raise ParameterError(f"clips={n_clips}: must be at least {_FEWEST}")
    tempi = [clip.bpm for clip in clips if clip.bpm is not None]
    bpm = float(statistics.median(tempi)) if tempi else None
    beats = int(statistics.median([clip.beats_per_bar for clip in clips]))
    asked = GenerateRequest(prompt, bpm=bpm, beats_per_bar=beats, loop=True, free=True, **options)
    return [replace(asked, seed=number) for number in range(seed, seed + n_clips)]


def reference_files(folder: Path) -> list[Path]:
    """The audio files in a folder; ParameterError if there are less than four."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _AUDIO_SUFFIXES)
    if len(paths) < _FEWEST:
        raise ParameterError(
            f"reference={folder.name!r}: contains {len(paths)} audio files; at least {_FEWEST} are "
            "needed"
        )
    return paths
