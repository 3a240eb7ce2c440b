"""Measures one clip, or the images of one shard, to find problems."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from riffkit.audio import files
from riffkit.audio.loudness import integrated_lufs, true_peak_dbfs
from riffkit.dataset.formats import ClipRecord, read_tar, sample_of
from riffkit.dataset.similarity import fingerprint
from riffkit.errors import RiffkitError

SILENCE_DBFS = -60.0
_FULL_SCALE = 0.9999  # a 16-bit sample one step below the highest counts too
_FRAME_SECONDS = 0.05
_THUMBNAIL = (256, 96)


@dataclass(frozen=True)
class Heard:
    """A clip's measurements. `full_scale_run` is the longest run of samples at full scale;
    `silent_share` the fraction of 50 ms frames below -60 dBFS; `error` says why it couldn't be
    read.
    """

    sample_rate: int = 0
    n_channels: int = 0
    seconds: float = 0.0
    loudness_lufs: float = -float("inf")
    true_peak_dbfs: float = -float("inf")
    full_scale_run: int = 0
    silent_share: float = 0.0
    error: str = ""


@dataclass(frozen=True, eq=False)
class Seen:
    """A clip's image in its shard. `thumbnail` is a JPEG."""

    record: ClipRecord
    fingerprint: np.ndarray
    thumbnail: bytes


@dataclass(frozen=True, eq=False)
class Shard:
    """`damaged` lists the keys of unreadable clips, or "" for the rest of the shard."""

    name: str
    seen: tuple[Seen, ...]
    damaged: tuple[str, ...]


def listen(path: Path) -> Heard:
    """Measure a clip; if the file is unreadable, `error` says why."""
    try:
        waveform, rate = files.load(path, allow_silence=True)
    except RiffkitError as error:
        return Heard(error=str(error))
    return Heard(
        sample_rate=rate,
        n_channels=waveform.shape[0],
        seconds=waveform.shape[1] / rate,
        loudness_lufs=integrated_lufs(waveform, rate),
        true_peak_dbfs=true_peak_dbfs(waveform),
        full_scale_run=_longest_run(waveform),
        silent_share=_silent_share(waveform, rate),
    )


def _longest_run(waveform: Float[Tensor, "channel sample"]) -> int:
    full = waveform.abs() >= _FULL_SCALE
    if not bool(full.any()):
        return 0
    return max(
        sum(1 for _ in run) for row in full.tolist() for is_full, run in groupby(row) if is_full
    )


def _silent_share(waveform: Float[Tensor, "channel sample"], rate: int) -> float:
    power = waveform.square().mean(0)
    width = max(1, min(round(_FRAME_SECONDS * rate), len(power)))
    frames = power[: len(power) // width * width].reshape(-1, width).mean(1)
    return float((frames < 10 ** (SILENCE_DBFS / 10)).to(torch.float32).mean())


def look(path: Path) -> Shard:
    """The images of a shard, as far as it is readable."""
    seen: list[Seen] = []
    damaged: list[str] = []
    try:
        for members in read_tar(path):
            try:
                sample = sample_of(members)
            except (RiffkitError, KeyError, ValueError, TypeError):
                damaged.append(members["__key__"].decode())
                continue
            pixels = sample.image.pixels
            seen.append(Seen(sample.record, fingerprint(pixels), _thumbnail(pixels)))
    except (OSError, tarfile.TarError):
        damaged.append("")
    return Shard(path.name, tuple(seen), tuple(damaged))


def _thumbnail(pixels: UInt8[np.ndarray, "row frame 3"]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).resize(_THUMBNAIL).save(file, "JPEG", quality=70)
    return file.getvalue()
