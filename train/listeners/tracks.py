"""The cache of bands as mel levels, track by track: what listening networks are trained on.

A level is a step of half a decibel on one scale for all clips, so that tracks with gains or
filters of their own can be added as powers to new mixes, and taken apart again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.score import Score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, Planes
from train.listeners.bands import Band, draw_band
from train.sounds.voices import Stereo
from train.stream.recipe import FIRST_HELD_OUT

STEP_DB, FLOOR_DB = 0.5, 30.0
"""Level k is a mel magnitude of FLOOR_DB + k · STEP_DB (re 1 on the int16 scale); 0 is silence."""
MAX_BANDS = 20_000


@dataclass(frozen=True, eq=False)
class BandLevels:
    """A band's levels, preset crisp, lowest row first, 64 columns a beat, circular in time.

    `tracks` (those of the score, in its order) and `crackle` (one plane, or none) are of the mid
    channel; `mix` is the real mix: left, right, mid.
    """

    number: int
    score: Score
    tracks: UInt8[Tensor, "track row column"]
    crackle: UInt8[Tensor, "_plane row column"]
    mix: UInt8[Tensor, "channel row column"]

    @property
    def is_held_out(self) -> bool:
        return self.number >= FIRST_HELD_OUT


def mel_to_levels(mel: Float[Tensor, "plane row column"]) -> UInt8[Tensor, "plane row column"]:
    """Steps of STEP_DB from mel magnitudes on the int16 scale; what is below FLOOR_DB is 0."""
    decibels = 20 * mel.clamp_min(1e-3).log10()
    return ((decibels - FLOOR_DB) / STEP_DB).round_().clamp_(0, 255).to(torch.uint8)


def levels_to_power(levels: UInt8[Tensor, "plane row column"]) -> Float[Tensor, "plane row column"]:
    """Squared mel magnitudes, the inverse of `mel_to_levels`; silence is 0."""
    table = 10 ** ((FLOOR_DB + STEP_DB * torch.arange(256, dtype=torch.float64)) / 10)
    table[0] = 0
    return table.float()[levels.long()]


def band_levels(band: Band) -> BandLevels:
    grid = BeatGrid(bpm=band.score.bpm, n_beats=band.score.n_beats)

    def levels(sound: Stereo, planes: Planes) -> Tensor:
        waveform = torch.from_numpy(np.ascontiguousarray(sound, np.float32))
        params = CRISP.with_planes(planes)
        return mel_to_levels(waveform_to_mel(waveform, params, n_frames=grid.n_frames))

    crackle = torch.zeros((0, CRISP.n_mels, grid.n_frames), dtype=torch.uint8)
    if band.crackle is not None:
        crackle = levels(band.crackle, Planes.MONO)
    return BandLevels(
        band.number,
        band.score,
        torch.cat([levels(track, Planes.MONO) for track in band.tracks]),
        crackle,
        levels(band.mix, Planes.LEFT_RIGHT_MID),
    )


def write_bands(folder: Path, numbers: Iterable[int], fonts: Sequence[Path]) -> Iterator[int]:
    """Render the bands that the folder lacks; yields the number of each when it is written.

    Several processes may fill one folder: each takes what no other is at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        with _claimed(folder, number) as is_ours:
            if is_ours:
                _write(_path(folder, number), band_levels(draw_band(number, fonts)))
                yield number


def band_paths(folder: Path, *, held_out: bool = False) -> list[Path]:
    """The files of the folder by number: those for training, or the held-out ones."""
    paths = sorted(folder.glob("band-*.safetensors"))
    return [path for path in paths if (int(path.stem[5:]) >= FIRST_HELD_OUT) is held_out]


def read_score(path: Path) -> tuple[int, Score]:
    """A band's number and its score; ParameterError if the file is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["band"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ParameterError(f"{path.name}: damaged; remove it and render it again") from error
    return int(facts["number"]), Score.from_dict(facts["score"])


def read_band(path: Path) -> BandLevels:
    """A band with all of its levels; ParameterError if the file is damaged."""
    number, score = read_score(path)
    with safe_open(path, framework="pt") as file:
        return BandLevels(
            number, score, *(file.get_tensor(name) for name in ("tracks", "crackle", "mix"))
        )


def _write(path: Path, band: BandLevels) -> None:
    tensors = {"tracks": band.tracks, "crackle": band.crackle, "mix": band.mix}
    facts = json.dumps({"number": band.number, "score": band.score.to_dict()})
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"band": facts})


@contextmanager
def _claimed(folder: Path, number: int) -> Iterator[bool]:
    """Whether the band is missing, and no other process is at it; the system frees dead claims."""
    path = _path(folder, number)
    lock = path.with_suffix(".lock")
    if path.exists():
        yield False
        return
    handle = os.open(lock, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        yield False
        return
    try:
        yield not path.exists()  # it may have been finished between our looking and our locking
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _path(folder: Path, number: int) -> Path:
    return folder / f"band-{number:010d}.safetensors"
