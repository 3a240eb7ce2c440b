"""A dataset folder of small pictures, and models that paint such ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from riffkit.dataset.formats import (
    INFO_NAME,
    METADATA_NAME,
    SHARDS_NAME,
    ClipRecord,
    DatasetInfo,
    write_json,
    write_json_lines,
)
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams

PARAMS = replace(RIFFUSION_V1, preset="small", n_mels=64)
CAPTIONS = "loud drums", "quiet piano"


def small_model(folder: Path, tiny_folder: Path, *, bar_cue: bool = False, **scheduler) -> Path:
    """A copy of the tiny model that paints small pictures; `scheduler`: other settings of it."""
    model = Path(shutil.copytree(tiny_folder, folder))
    (model / "spectrogram.json").write_text(json.dumps(PARAMS.to_dict()))
    traits = {"bar_cue": bar_cue, "default_steps": 2}
    (model / "riffkit.json").write_text(json.dumps(traits))
    path = model / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **scheduler}))
    return model


def small_dataset(
    folder: Path,
    *,
    n_train: int = 12,
    n_test: int = 4,
    params: SpectrogramParams = PARAMS,
    width: int | None = None,
    bpm: float | None = None,
) -> Path:
    """Dark or light pictures by caption, as `riff dataset build` lays them out.

    They are `width` columns wide, else 128 and some 96.
    """
    from riffkit.dataset.shards import write_tar

    (folder / SHARDS_NAME).mkdir(parents=True)
    records = []
    for split, n in (("train", n_train), ("test", n_test)):
        clips = []
        for index in range(n):
            record = _record(split, index, bpm)
            image = _picture(index, params, width)
            path = folder / "picture.png"
            image.save(path)
            content = {"png": path.read_bytes(), "json": json.dumps(record.to_dict()).encode()}
            clips.append((record.shard_key, content))
            path.unlink()
            records.append(record)
        if clips:
            write_tar(folder / SHARDS_NAME / f"{split}-00000.tar", clips)
    write_json_lines(folder / METADATA_NAME, [record.to_dict() for record in records])
    info = DatasetInfo(
        preset=params.preset,
        params=params,
        bars=None,
        beats_per_bar=4,
        seconds=1.28,
        model=None,
        model_fingerprint=None,
        seed=0,
        options={},
    )
    write_json(folder / INFO_NAME, info.to_dict())
    return folder


def _record(split: str, index: int, bpm: float | None) -> ClipRecord:
    text = CAPTIONS[index % 2]
    return ClipRecord(
        file_name=f"{split}/{index:06d}-clip-01.flac",
        text=text,
        captions=(text, f"{text}, calm"),
        split=split,
        bpm=bpm,
        beats_per_bar=1,
        key=None,
        transpose=0.0,
        tags={},
        loudness_lufs=-16.0,
        source="a.wav",
        start_seconds=0.0,
        seconds=1.28,
        sha256="0" * 64,
    )


def _picture(index: int, params: SpectrogramParams, width: int | None) -> SpectrogramImage:
    rng = np.random.default_rng(index)
    width = width or (96 if index % 5 == 4 else 128)
    gray = rng.integers(0, 40, (params.n_mels, width, 1)) + 20 + 140 * (index % 2)
    pixels = np.repeat(gray, 3, axis=2).astype(np.uint8)
    return SpectrogramImage(pixels, params, max_value=30e6)
