"""Endless mixtures of rendered tracks, with the power of each group of players in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.separation.network import GROUPS, N_ROWS
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Track
from train.listeners.tracks import BandLevels, levels_to_power, read_band

N_COLUMNS = 256
_AS_IT_IS = 0.4  # of the mixtures are a band's real mix
_OTHER_PLAYERS = 0.5  # of the others have some groups of another band
_MISSING = 0.15
_FUZZY, _FUZZ_ROWS = 0.25, 65
_PHASORS = torch.polar(torch.ones(1024), torch.arange(1024) * (2 * torch.pi / 1024))
_TRACK_GAIN_DB, _MIX_GAIN_DB = 5.0, 6.0  # standard deviations


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture's power, and that of each group; these add up to it but for interference."""

    mix: Float[Tensor, "512 column"]
    groups: Float[Tensor, "group 512 column"]


def group_of(track: Track) -> str:
    """The group of a track by its role; what plays alone is a lead, if it is no bass."""
    if track.role == "drums":
        return "drums"
    plays_bass = track.role == "solo" and "b" in INSTRUMENTS[track.instrument].figures
    if track.role == "bass" or plays_bass:
        return "bass"
    return "lead" if track.role in ("lead", "solo") else "chords"


def draw_mixture(paths: list[Path], rng: np.random.Generator) -> Mixture:
    """A piece of a band as it is, or of tracks with other levels, filters and players."""
    band = read_band(_one_of(paths, rng))
    gain = 10 ** (float(rng.normal(-2, _MIX_GAIN_DB)) / 10)
    if rng.random() < _AS_IT_IS:
        columns = _piece(band, rng)
        groups, _ = _grouped(band, columns, rng=None)
        return Mixture(gain * levels_to_power(band.mix[2:, :, columns])[0], gain * groups)
    groups, waves = _grouped(band, _piece(band, rng), rng=rng)
    if rng.random() < _OTHER_PLAYERS:
        other = read_band(_one_of(paths, rng))
        more, more_waves = _grouped(other, _piece(other, rng), rng=rng)
        replaced = torch.from_numpy(rng.random(len(GROUPS)) < 0.5)[:, None, None]
        groups, waves = (
            torch.where(replaced, more, groups),
            torch.where(replaced, more_waves, waves),
        )
    present = torch.from_numpy(rng.random(len(GROUPS)) >= _MISSING)[:, None, None]
    groups, waves = groups * present, waves * present
    mix = waves.sum(0).abs().square() if rng.random() < 0.5 else groups.sum(0)
    return Mixture(gain * mix, gain * groups)


def real_mixture(path: Path, *, n_columns: int) -> Mixture:
    """A band's real mix from its start on."""
    band = read_band(path)
    columns = torch.arange(n_columns) % band.mix.shape[-1]
    groups, _ = _grouped(band, columns, rng=None)
    return Mixture(levels_to_power(band.mix[2:, :, columns])[0], groups)


def _one_of(paths: list[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def _piece(band: BandLevels, rng: np.random.Generator) -> Tensor:
    """Columns of the loop from a random one on."""
    width = band.mix.shape[-1]
    return (int(rng.integers(width)) + torch.arange(N_COLUMNS)) % width


def _grouped(
    band: BandLevels, columns: Tensor, *, rng: np.random.Generator | None
) -> tuple[Float[Tensor, "group 512 column"], Tensor]:
    """The power of each group, and waves of that power with phases of their own.

    With `rng` each track has another level and another tone.
    """
    groups = torch.zeros(len(GROUPS), N_ROWS, len(columns))
    names = [group_of(track) for track in band.score.tracks] + ["chords"] * len(band.crackle)
    levels: UInt8[Tensor, "track 512 column"] = torch.cat((band.tracks, band.crackle))
    for name, power in zip(names, levels_to_power(levels[:, :, columns]), strict=True):
        if rng is not None:
            power = power * _other_tone(rng)[:, None]
            if name != "drums" and rng.random() < _FUZZY:
                power = power + _fuzz(power, rng)
        groups[GROUPS.index(name)] += power
    if rng is None:
        return groups, groups
    turns = torch.from_numpy(rng.integers(len(_PHASORS), size=groups.shape, dtype=np.uint16))
    return groups, groups.sqrt() * _PHASORS[turns.int()]


def _other_tone(rng: np.random.Generator) -> Float[Tensor, " 512"]:
    """A gain for each row: a level, a tilt, and a wide bump or dip."""
    place = np.linspace(-1, 1, N_ROWS, dtype=np.float32)
    decibels = rng.normal(0, _TRACK_GAIN_DB) + rng.normal(0, 3) * place
    center, width = rng.uniform(-1, 1), rng.uniform(0.15, 0.6)
    decibels += rng.normal(0, 3) * np.exp(-(((place - center) / width) ** 2))
    return torch.from_numpy((10 ** (decibels / 10)).astype(np.float32))


def _fuzz(
    power: Float[Tensor, "512 column"], rng: np.random.Generator
) -> Float[Tensor, "512 column"]:
    """Noise around what a track plays, as distortion, choruses and many players fill the gaps."""
    spread = functional.avg_pool1d(power.T[None], _FUZZ_ROWS, 1, _FUZZ_ROWS // 2)[0].T
    speckles = torch.from_numpy(rng.standard_exponential(power.shape, np.float32))
    return 10 ** float(rng.uniform(-2.0, 0.3)) * spread * speckles
