"""New mixes at every step: some of a band's tracks, with other levels, tone colors and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.analysis.transcription.axes import (
    BINS_PER_SEMITONE,
    DRUM_COLUMNS,
    at_columns,
    n_columns,
    to_bands,
    to_bins,
    to_loudness,
)
from riffkit.score import Score, Track
from riffkit.spectrogram.params import CRISP
from train.listeners.tracks import BandLevels, levels_to_power, mel_to_levels, read_band
from train.listeners.transcriber.targets import Truth, truth_of

_GAIN_DB, _TONE_DB, _NOISE_DB = 5.0, 5.0, (-75.0, -35.0)
_NOISY_SHARE, _NOTHING_SHARE, _SHIFTED_SHARE, _REAL_SHARE = 0.5, 0.05, 0.4, 0.2
_SOME_TIME_SHARE, _MOST_EVEN = 0.5, 6
_MOST_SHIFTED = 3
_TONE_POINTS = 7


@dataclass(frozen=True)
class Shares:
    """How often a mix is of one pitched track, of all drums, of a single one, or of two or three
    tracks; else it is of all.
    """

    pitched: float
    drums: float
    drum: float
    few: float


@dataclass(frozen=True, eq=False)
class PooledBand:
    """A band's levels (see train/listeners/tracks.py) at the columns of the drums' input."""

    number: int
    score: Score
    tracks: UInt8[Tensor, "track row fine_column"]
    crackle: UInt8[Tensor, "_plane row fine_column"]
    mix: UInt8[Tensor, "row fine_column"]

    @property
    def seconds(self) -> float:
        return self.score.n_beats * 60 / self.score.bpm

    @property
    def width(self) -> int:
        """Columns of the pitches' input, and of what is to be said."""
        return int(self.mix.shape[-1]) // DRUM_COLUMNS


@dataclass(frozen=True, eq=False)
class Example:
    """What the networks see, `semitones` higher than the power, and what they are to say."""

    power: Float[Tensor, "row fine_column"]
    truth: Truth
    semitones: int = 0

    @property
    def bins(self) -> Float[Tensor, "bin column"]:
        power = self.power.unflatten(-1, (-1, DRUM_COLUMNS)).mean(-1)
        return _moved(to_bins(to_loudness(power), CRISP), self.semitones * BINS_PER_SEMITONE)

    @property
    def bands(self) -> Float[Tensor, "band fine_column"]:
        return to_bands(to_loudness(self.power))


def read_pooled(path: Path) -> PooledBand:
    return pooled(read_band(path))


def pooled(band: BandLevels) -> PooledBand:
    width = DRUM_COLUMNS * n_columns(band.score.n_beats * 60 / band.score.bpm)
    tracks, crackle, mix = (
        mel_to_levels(at_columns(levels_to_power(levels), width).sqrt())
        for levels in (band.tracks, band.crackle, band.mix[2:])
    )
    return PooledBand(band.number, band.score, tracks, crackle, mix[0])


def real_mix(band: PooledBand) -> Example:
    """The band as it was rendered."""
    return _example(levels_to_power(band.mix[None])[0], band, band.score.tracks)


def real_track(band: PooledBand, places: Sequence[int]) -> Example:
    """Some of its tracks as they were rendered, by their places in the score."""
    power = levels_to_power(band.tracks[list(places)]).sum(0)
    return _example(power, band, [band.score.tracks[place] for place in places])


def draw_mix(band: PooledBand, generator: torch.Generator, shares: Shares) -> Example:
    """A mix that follows from the generator: turned in time, retuned, noisy, or nothing at all."""
    chance = _chance(generator)
    if chance < _NOTHING_SHARE:
        power, tracks = _noise(band.mix.shape, generator), list[Track]()
    elif chance < _NOTHING_SHARE + _REAL_SHARE:
        power, tracks = levels_to_power(band.mix[None])[0], list(band.score.tracks)
    else:
        places = _some_tracks(band.score.tracks, generator, shares)
        power = sum(
            (_recolored(band.tracks[place], generator) for place in places),
            torch.zeros(band.mix.shape),
        )
        if len(band.crackle) and _chance(generator) < 0.5:
            power = power + _recolored(band.crackle[0], generator)
        tracks = [band.score.tracks[place] for place in places]
    if tracks and _chance(generator) < _NOISY_SHARE:
        power = _with_noise(power, generator)
    made = _rolled(_example(power * _tone(generator), band, tracks), generator)
    if _chance(generator) < _SHIFTED_SHARE:
        made = _shifted(made, _whole(-_MOST_SHIFTED, _MOST_SHIFTED + 1, generator))
    return made


def _example(power: Tensor, band: PooledBand, tracks: Sequence[Track]) -> Example:
    return Example(power, truth_of(tracks, n_beats=band.score.n_beats, n_columns=band.width))


def _some_tracks(tracks: Sequence[Track], generator: torch.Generator, shares: Shares) -> list[int]:
    """By their places: one pitched track, all drums, one of them, two or three tracks, or all."""
    chance, order = _chance(generator), torch.randperm(len(tracks), generator=generator).tolist()
    pitched = [place for place in order if not tracks[place].is_drums]
    drums = [place for place in order if tracks[place].is_drums]
    for share, chosen in (
        (shares.pitched, pitched[:1]),
        (shares.drums, drums),
        (shares.drum, drums[:1]),
        (shares.few, order[: _whole(2, 4, generator)]),
    ):
        if chance < share and chosen:
            return chosen
        chance -= share
    return order


def _recolored(levels: UInt8[Tensor, "row column"], generator: torch.Generator) -> Tensor:
    gain = 10 ** (_GAIN_DB * torch.randn(1, generator=generator) / 10)
    return levels_to_power(levels[None])[0] * gain * _tone(generator)


def _tone(generator: torch.Generator) -> Float[Tensor, "row 1"]:
    """A smooth equalizer: gains in power by row."""
    points = _TONE_DB * torch.randn((1, 1, _TONE_POINTS), generator=generator) / 2
    curve = torch.nn.functional.interpolate(
        points, size=CRISP.n_mels, mode="linear", align_corners=True
    )
    return 10 ** (curve[0, 0, :, None] / 10)


def _with_noise(power: Tensor, generator: torch.Generator) -> Tensor:
    low, high = _NOISE_DB
    level = 10 ** ((low + (high - low) * _chance(generator)) / 10)
    return power + power.max() * level * _noise(power.shape, generator)


def _noise(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """White to brown noise, all the time or for a while, more or less even over the moments."""
    n_rows, width = shape
    slope = (torch.arange(1, n_rows + 1) / 32).clamp_min(1) ** (-2.5 * _chance(generator))
    noise = torch.empty(n_rows, width).exponential_(generator=generator)
    n_even = _whole(1, _MOST_EVEN + 1, generator)
    noise = sum((noise.roll(k, -1) for k in range(n_even)), torch.zeros(n_rows, width)) / n_even
    if _chance(generator) < _SOME_TIME_SHARE:
        first, length = _whole(0, width, generator), _whole(width // 4, width, generator)
        noise = noise * ((torch.arange(width) - first) % width < length)
    return slope[:, None] * noise


def _rolled(made: Example, generator: torch.Generator) -> Example:
    n_columns = _whole(0, made.truth.onset.shape[-1], generator)
    truth = Truth(**{name: value.roll(n_columns, -1) for name, value in vars(made.truth).items()})
    return Example(made.power.roll(DRUM_COLUMNS * n_columns, -1), truth)


def _shifted(made: Example, semitones: int) -> Example:
    """Higher or lower, as if it were played in another key; drums stay."""
    names = ("onset", "frame", "bass", "velocity")
    moved = {name: _moved(getattr(made.truth, name), semitones) for name in names}
    return replace(made, truth=replace(made.truth, **moved), semitones=semitones)


def _moved(values: Float[Tensor, "row column"], n_rows: int) -> Float[Tensor, "row column"]:
    moved = values.roll(n_rows, 0)
    if n_rows > 0:
        moved[:n_rows] = 0
    elif n_rows < 0:
        moved[n_rows:] = 0
    return moved


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand(1, generator=generator))


def _whole(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high, (1,), generator=generator))
