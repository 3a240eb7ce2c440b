"""Rendered loops in a dataset folder: shards as `riff dataset build` writes them.

The record of a loop also holds the facts of its score. There is no audio: only images and words.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from riffkit.dataset.formats import (
    INFO_NAME,
    METADATA_NAME,
    SPLITS,
    ClipRecord,
    DatasetInfo,
    read_tar,
    shard_paths,
    write_json,
    write_json_lines,
)
from riffkit.dataset.shards import write_tar
from riffkit.errors import ParameterError
from riffkit.provenance.recipe import versions
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND

_TEST_EVERY = 20


@dataclass(frozen=True, eq=False)
class Loop:
    """One loop: its width in pixels, its words, and where its PNG lies in a shard."""

    width: int
    captions: tuple[str, ...]
    facts: dict[str, Any]
    shard: Path
    place: slice

    def pixels(self) -> UInt8[np.ndarray, "plane row column"]:
        """The image, read when it is asked for."""
        with self.shard.open("rb") as file:
            file.seek(self.place.start)
            image = Image.open(io.BytesIO(file.read(self.place.stop - self.place.start)))
            return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def split_of(seed: int) -> str:
    """One loop in twenty is held out."""
    return "test" if seed % _TEST_EVERY == _TEST_EVERY - 1 else "train"


def clip_of(
    seed: int,
    image: SpectrogramImage,
    captions: Sequence[str],
    facts: Mapping[str, Any],
    *,
    lufs: float,
) -> tuple[ClipRecord, dict[str, Any], SpectrogramImage]:
    """A loop on a beat grid with its record, and the facts beside it."""
    assert image.grid is not None
    minor = facts.get("mode") in ("minor", "dorian", "phrygian")
    key = facts.get("key")
    split = split_of(seed)
    record = ClipRecord(
        file_name=f"{split}/{seed:08d}.flac",
        text=captions[0] if captions else "",
        captions=tuple(captions),
        split=split,
        bpm=image.grid.bpm,
        beats_per_bar=int(facts.get("beats_per_bar", 4)),
        key=f"{key} {'minor' if minor else 'major'}" if key else None,
        transpose=image.transpose,
        tags={},
        loudness_lufs=lufs,
        source=f"score {seed}",
        start_seconds=0.0,
        seconds=image.grid.seconds,
        sha256="",
    )
    return record, dict(facts), image


def write_loops(
    data: Path, shard: int, clips: Iterable[tuple[ClipRecord, dict[str, Any], SpectrogramImage]]
) -> None:
    """A shard of each split that the loops are of; the last is written when all others are."""
    members: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
    for record, facts, image in clips:
        line = json.dumps({**record.to_dict(), "facts": facts}, ensure_ascii=False).encode()
        content = {"json": line, "png": _png(image, data)}
        members.setdefault(record.split, []).append((record.shard_key, content))
    for split in sorted(members):  # train, by which a shard is known to be whole, comes last
        write_tar(shard_path(data, shard, split), members[split])


def shard_path(data: Path, shard: int, split: str = "train") -> Path:
    path = data / "shards" / f"{split}-{shard:05d}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _png(image: SpectrogramImage, data: Path) -> bytes:
    path = data / f".{id(image)}.png"
    try:
        image.save(path)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def finish(data: Path, *, seed: int) -> None:
    """Write the dataset's small files, once all its shards are there."""
    lines = [
        json.loads(members["json"])
        for split in SPLITS
        for path in shard_paths(data, split)
        for members in read_tar(path)
    ]
    info = DatasetInfo(
        preset=FULL_BAND.preset,
        params=FULL_BAND,
        bars=2,
        beats_per_bar=4,
        seconds=None,
        model=None,
        model_fingerprint=None,
        seed=seed,
        options={"rendered": len(lines)},
        versions=versions(),
    )
    write_json_lines(data / METADATA_NAME, lines)
    write_json(data / INFO_NAME, info.to_dict())


def read_loops(data: Path) -> list[Loop]:
    """The loops of every shard, those that are held out last; ParameterError if there are none."""
    loops = [
        loop for split in SPLITS for path in shard_paths(data, split) for loop in _loops_of(path)
    ]
    if not loops:
        raise ParameterError(
            f"data={data.name!r}: contains no clips; make some with `riff train render`"
        )
    return loops


def _loops_of(path: Path) -> list[Loop]:
    loops, record = [], {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".json"):
                file = tar.extractfile(member)
                assert file is not None
                record = json.loads(file.read())
            elif member.name.endswith(".png"):
                place = slice(member.offset_data, member.offset_data + member.size)
                n_beats = round(record["seconds"] * record["bpm"] / 60)
                captions = tuple(record["captions"])
                loops.append(
                    Loop(n_beats * PIXELS_PER_BEAT, captions, record["facts"], path, place)
                )
    return loops
