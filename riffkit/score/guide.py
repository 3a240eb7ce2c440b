"""The guide image: a score drawn as the preset's own spectrogram, without an instrument's sound.

A note is a line for each of its partials, falling by 1/n from the fundamental, with a plain
envelope; a hit of the drums is noise in the band of its part. They lie where the music's own
partials and hits will lie, so that a network that sees the guide has only their strengths to find.

Nothing is synthesized. A row's answer to a sine is its triangle over the window's spectrum, and a
window's answer to a beginning is its integral, so a note is the product of a column over the rows
and a row over the columns, for each window of the preset (riffkit/spectrogram/windows.py). What
sounds together adds up in power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float

from riffkit.score.drums import PARTS
from riffkit.score.notes import Note, Track
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz, mel_row_spacing_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.pixels import mel_to_pixels
from riffkit.spectrogram.windows import row_windows_ms, window_bands

_SUSTAIN, _DECAY_S, _RELEASE_S = 0.3, 2.0, 0.03
_REACH_ROWS = 12  # how far from a partial its lobe is drawn
_SHARES = np.linspace(0.0, 4.0, 81)  # rows' spacing times the window's length
_DISTANCES = np.linspace(0.0, _REACH_ROWS + 1.0, 521)
_SILENT_DB = -96.0

_BANDS: dict[str, tuple[float, float, float]] = {
    "kick": (40, 160, 0.1),
    "snare": (180, 7_000, 0.08),
    "rim": (900, 5_000, 0.02),
    "clap": (700, 6_000, 0.08),
    "hat": (7_000, 18_000, 0.03),
    "pedal": (6_000, 16_000, 0.03),
    "open": (6_000, 18_000, 0.2),
    "ride": (4_000, 16_000, 0.3),
    "bell": (3_000, 14_000, 0.3),
    "crash": (3_000, 18_000, 0.6),
    "low": (90, 400, 0.15),
    "mid": (120, 500, 0.15),
    "high": (160, 700, 0.15),
    "floor": (70, 300, 0.18),
    "tamb": (5_000, 16_000, 0.06),
    "cowbell": (500, 4_000, 0.1),
    "shaker": (4_000, 14_000, 0.04),
    "clave": (1_800, 4_000, 0.02),
    "conga": (180, 1_500, 0.1),
    "tumba": (140, 1_200, 0.12),
    "bongo": (250, 2_500, 0.07),
}
"""Of each part of the drums: the band (lowest and highest hertz) and the time constant (s)."""

_LIKE: dict[str, tuple[int, ...]] = {
    "kick": (35,),
    "rim": (31, 32, 33),
    "snare": (40, 25, 26, 29, 30),
    "clap": (28,),
    "floor": (43,),
    "mid": (48,),
    "crash": (52, 55, 57),
    "ride": (59,),
    "cowbell": (67, 68),
    "bongo": (60, 65),
    "tumba": (66, 86, 87),
    "conga": (62,),
    "shaker": (69, 58, 82, 73, 74),
    "clave": (76, 77, 85),
    "tamb": (83, 84, 80),
    "open": (27, 71, 72, 81),
}
"""Other drums of General MIDI, by the part whose band they are drawn in."""
_PART_OF = {pitch: name for name, pitch in PARTS.items()}
_PART_OF |= {pitch: name for name, pitches in _LIKE.items() for pitch in pitches}


def draw_guide(
    tracks: Sequence[Track],
    grid: BeatGrid,
    params: SpectrogramParams,
    *,
    transpose: float = 0.0,
    circular: bool = True,
    slope: float = 1.0,
) -> SpectrogramImage:
    """Draw tracks as the spectrogram that a plain voice of theirs would have.

    Several tracks are as loud against one another as their `level_db` says; the loudest cell is
    black. All planes are equal: where a track stands is the mix's matter.

    Args:
        tracks: whose notes are drawn; of other notes than drums, `pitch` is in semitones at
            A4 = 440 Hz.
        grid: the image's tempo and beats; notes beyond its end are left out.
        params: the preset.
        transpose: semitones that the music will sound above the image.
        circular: what sounds past the end goes on at the beginning.
        slope: the n-th partial has 1/n to this power of the fundamental's amplitude.

    Returns:
        The image; white where nothing sounds.

    Example:
        guide = draw_guide(score.tracks, BeatGrid(score.bpm, score.n_beats), preset("crisp"))
    """
    board = _Board(params, grid, transpose, circular, slope)
    loudest = max((track.level_db for track in tracks), default=0.0)
    for track in tracks:
        gain = 10 ** (max(_SILENT_DB, track.level_db - loudest) / 20)
        for note in track.notes:
            if note.start < grid.n_beats:
                board.draw(note, gain, is_drum=track.is_drums)
    mel = torch.from_numpy(board.mel()).expand(params.planes.n_mel_planes, -1, -1)
    pixels, _ = mel_to_pixels(mel, params)
    return SpectrogramImage(pixels, params, grid=grid, transpose=transpose)


@dataclass(frozen=True, eq=False)
class _Scale:
    """The rows of a preset at a column's length.

    `share` is a row's spacing times its window, `weights` what each of `windows_s` counts in it,
    its level included.
    """

    row_hz: Float[np.ndarray, " row"]
    spacing_hz: Float[np.ndarray, " row"]
    share: Float[np.ndarray, " row"]
    windows_s: Float[np.ndarray, " window"]
    weights: Float[np.ndarray, "row window"]


@lru_cache(maxsize=16)
def _scale(params: SpectrogramParams, column_ms: float) -> _Scale:
    bands = window_bands(params, column_ms)
    spacing_hz = mel_row_spacing_hz(params)
    return _Scale(
        mel_row_hz(params),
        spacing_hz,
        spacing_hz * row_windows_ms(params, column_ms) / 1000,
        np.array([band.window_ms / 1000 for band in bands]),
        np.stack([band.weight * band.level for band in bands], axis=1),
    )


class _Board:
    """The power of each cell, lowest row first."""

    def __init__(
        self,
        params: SpectrogramParams,
        grid: BeatGrid,
        transpose: float,
        circular: bool,
        slope: float,
    ) -> None:
        self.n_frames, self.circular, self.slope = grid.n_frames, circular, slope
        self.params, self.transpose = params, transpose
        slower = 2 ** (transpose / 12)  # the image is of the sound at this many times its length
        self.beat_s = 60 / grid.bpm * slower
        self.column_s = self.beat_s / PIXELS_PER_BEAT
        self.scale = _scale(params, 1000 * self.column_s)
        self.power = np.zeros((params.n_mels, self.n_frames), np.float32)

    def mel(self) -> Float[np.ndarray, "row frame"]:
        return np.sqrt(self.power)

    def draw(self, note: Note, gain: float, *, is_drum: bool) -> None:
        """Add one note or hit."""
        held_s, sustain, decay_s = note.duration * self.beat_s, _SUSTAIN, _DECAY_S
        if is_drum:
            part = _PART_OF.get(note.pitch, "snare")
            held_s, sustain, decay_s = math.inf, 0.0, _BANDS[part][2]
            rows = _hit_rows(part, self.scale)
        else:
            hz = 440 * 2 ** ((note.pitch - 69 - self.transpose) / 12)
            rows = _note_rows(hz, self.params.max_hz, self.scale, self.slope)
        first, strengths = self._over_time(note.start * self.beat_s, held_s, sustain, decay_s)
        columns = np.arange(first, first + strengths.shape[1])
        if not self.circular:
            inside = (columns >= 0) & (columns < self.n_frames)
            columns, strengths = columns[inside], strengths[:, inside]
        cells = np.square((gain * note.velocity / 127) * (rows @ strengths))
        for begin in range(0, len(columns), self.n_frames):  # longer than the loop is added again
            some = cells[:, begin : begin + self.n_frames]
            self._add(some, int(columns[begin]) % self.n_frames)

    def _add(self, cells: Float[np.ndarray, "row some"], first: int) -> None:
        before_end = min(cells.shape[1], self.n_frames - first)
        self.power[:, first : first + before_end] += cells[:, :before_end]
        self.power[:, : cells.shape[1] - before_end] += cells[:, before_end:]

    def _over_time(
        self, start_s: float, held_s: float, sustain: float, decay_s: float
    ) -> tuple[int, Float[np.ndarray, "window some"]]:
        """The first column in which it sounds, and what each window measures from there on."""
        longest_s = float(self.scale.windows_s[0])
        sounding_s = held_s + 5 * _RELEASE_S if sustain else 7 * decay_s
        first = math.floor((start_s - longest_s / 2) / self.column_s)
        last = math.ceil((start_s + sounding_s + longest_s / 2) / self.column_s)
        since_s = (np.arange(first, last + 1) * self.column_s - start_s).astype(np.float32)
        level = sustain + (1 - sustain) * np.exp(-np.maximum(since_s, 0) / decay_s)
        level *= np.exp(-np.maximum(since_s - held_s, 0) / _RELEASE_S)
        return first, level * _begun(since_s / self.scale.windows_s[:, None].astype(np.float32))


def _begun(place: Float[np.ndarray, "window some"]) -> Float[np.ndarray, "window some"]:
    """The part of a Hann window that lies behind a beginning, by the place of its middle."""
    x = np.clip(place, -0.5, 0.5)
    return np.asarray(0.5 + x + np.sin(2 * np.pi * x) / (2 * np.pi))


@lru_cache(maxsize=512)
def _note_rows(
    hz: float, max_hz: float, scale: _Scale, slope: float
) -> Float[np.ndarray, "row window"]:
    """How loud each row shows all partials of a note in each window."""
    n_rows = len(scale.row_hz)
    number = np.arange(1, max(1, int(max_hz / hz)) + 1)
    partial_hz = number * hz
    nearest = np.searchsorted(scale.row_hz, partial_hz)
    rows = nearest[:, None] + np.arange(-_REACH_ROWS, _REACH_ROWS + 1)
    inside = (rows >= 0) & (rows < n_rows)
    rows = np.clip(rows, 0, n_rows - 1)
    distance = np.abs(partial_hz[:, None] - scale.row_hz[rows]) / scale.spacing_hz[rows]
    answer = _answer(distance, scale.share[rows]) * inside / number[:, None] ** slope
    power = np.zeros(n_rows)
    np.add.at(power, rows, np.square(answer))
    column = np.sqrt(power) * scale.spacing_hz / scale.spacing_hz[0]
    return np.asarray(column[:, None] * scale.weights, np.float32)


def _hit_rows(part: str, scale: _Scale) -> Float[np.ndarray, "row window"]:
    """How loud each row shows noise in the part's band, whose edges fall by 12 dB an octave.

    It has the power of a sine of amplitude 1.
    """
    low_hz, high_hz, _ = _BANDS[part]
    hz = np.maximum(scale.row_hz, 1.0)
    response = 1 / np.sqrt((1 + (low_hz / hz) ** 4) * (1 + (hz / high_hz) ** 4))
    column = response / np.sqrt(np.square(response).sum())
    steady = scale.weights / scale.weights.sum(axis=1, keepdims=True)
    return np.asarray(column[:, None] * steady, np.float32)


def _answer(
    distance: Float[np.ndarray, "partial row"], share: Float[np.ndarray, "partial row"]
) -> Float[np.ndarray, "partial row"]:
    """A row's magnitude of a sine that lies `distance` rows away, 1 at most.

    `share` is the rows' spacing times the window's length.
    """
    table = _answers()
    place_s = np.clip(share / _SHARES[1], 0, len(_SHARES) - 1.001)
    place_d = np.clip(distance / _DISTANCES[1], 0, len(_DISTANCES) - 1.001)
    i, j = place_s.astype(int), place_d.astype(int)
    u, v = place_s - i, place_d - j
    low = (1 - v) * table[i, j] + v * table[i, j + 1]
    high = (1 - v) * table[i + 1, j] + v * table[i + 1, j + 1]
    return np.asarray((1 - u) * low + u * high)


@lru_cache(maxsize=1)
def _answers() -> Float[np.ndarray, "share distance"]:
    """∫ (1 − |x|) · |H((d − x) · s)| dx over a row's triangle, H the spectrum of a Hann window."""
    x, step = np.linspace(-1, 1, 65, retstep=True)
    triangle = (1 - np.abs(x)) * step
    table = np.empty((len(_SHARES), len(_DISTANCES)))
    for n, share in enumerate(_SHARES):
        table[n] = _hann_spectrum((_DISTANCES[:, None] - x) * share) @ triangle
    return table


def _hann_spectrum(offset: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """|Σ w·exp| of a Hann window of length T at `offset` = Δf·T, 1 at 0."""
    off = np.where(np.abs(np.abs(offset) - 1) < 1e-6, offset + 2e-6, offset)
    return np.asarray(np.abs(np.sinc(off) / (1 - off**2)))
