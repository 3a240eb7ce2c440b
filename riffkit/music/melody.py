"""The user's melody, hummed, played or as MIDI: the image that generation starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.chroma import chroma_steps
from riffkit.analysis.key import chroma_to_key
from riffkit.analysis.tempo import tempo as tempo_of
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.midi import MidiNote, is_midi, read_midi
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import sha256
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM, BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import SpectrogramParams

STEPS_PER_BEAT = 4
_OCTAVE = 72  # where a melody is laid of which only the pitch classes are known
_LEAST_SHARE = 0.5  # of a step's strongest pitch class
_LEAST_LEVEL = 0.15  # of the loudest step
_N_HARMONICS = 6
_DECAY_SECONDS = 1.2
_ATTACK_SECONDS = 0.01


@dataclass(frozen=True)
class Melody:
    """The notes of `n_beats` beats (whole bars) at `bpm`."""

    notes: tuple[MidiNote, ...]
    bpm: float
    beats_per_bar: int
    n_beats: int
    identity: dict[str, str]
    remarks: tuple[str, ...]
    is_score: bool = True
    """Whether it is MIDI, and not a recording."""

    @property
    def bars(self) -> int:
        return self.n_beats // self.beats_per_bar

    def remark_of_length(self, bars: int) -> str:
        """That only some of its bars are followed."""
        minutes, seconds = divmod(round(self.n_beats * 60 / self.bpm), 60)
        length = f"{self.bars} bars ({minutes}:{seconds:02d})"
        return (
            f"{self.identity['name']}: {length}; the first {bars} are followed (more with `bars`)"
        )

    @property
    def key(self) -> str:
        """The key that best fits the notes, such as "A minor"."""
        shares = self.chroma(BeatGrid(self.bpm, self.n_beats)).sum(axis=0)
        return chroma_to_key(shares / shares.sum()).name

    def over(self, grid: BeatGrid) -> tuple[MidiNote, ...]:
        """The notes, repeated to fill the grid."""
        times = range(math.ceil(grid.n_beats / self.n_beats))
        shifted = (
            MidiNote(n.start + k * self.n_beats, n.duration, n.pitch, n.level)
            for k in times
            for n in self.notes
        )
        return tuple(note for note in shifted if note.start < grid.n_beats)

    def image(
        self, grid: BeatGrid, params: SpectrogramParams, *, transpose: float
    ) -> SpectrogramImage:
        """The image of the notes played by a plain voice."""
        sound = play(self.over(grid), grid, params.sample_rate)
        stereo = sound.expand(params.planes.n_channels, -1).contiguous()
        return waveform_to_image(stereo, params.sample_rate, params, grid=grid, transpose=transpose)

    def chroma(self, grid: BeatGrid) -> Float[np.ndarray, "step pitch_class"]:
        """The strength of each pitch class at each sixteenth note."""
        steps = np.zeros((grid.n_beats * STEPS_PER_BEAT, 12))
        for note in self.over(grid):
            first = round(note.start * STEPS_PER_BEAT)
            last = max(first + 1, round((note.start + note.duration) * STEPS_PER_BEAT))
            steps[first:last, note.pitch % 12] += note.level
        return steps


def similarity(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, melody: Melody, grid: BeatGrid
) -> float:
    """How closely a clip follows the melody, 0 to 1: the mean cosine of chromas where it sounds."""
    wanted = melody.chroma(grid)
    heard = chroma_steps(waveform, sample_rate, len(wanted))
    sounds = wanted.any(axis=1)
    if not sounds.any():
        return 0.0
    norms = np.linalg.norm(wanted, axis=1) * np.linalg.norm(heard, axis=1)
    cosines = (wanted * heard).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(cosines[sounds].mean())


def read_melody(path: Path, *, bpm: float | None, beats_per_bar: int | None) -> Melody:
    """Read a MIDI or audio file; a song gives its strongest pitch classes.

    Tempo and metre are the file's own unless given; sound is taken to be in 4/4. AudioFileError or
    ParameterError for an unusable file.
    """
    if is_score := is_midi(path):
        song = read_midi(path)
        notes, own_bpm = list(song.notes), min(MAX_BPM, max(MIN_BPM, song.bpm))
        n_beats, remarks = max(note.start + note.duration for note in notes), list[str]()
        if beats_per_bar is None and song.metre is not None:
            beats_per_bar = song.metre.beats
            remarks += [f"{path.name}: {song.metre.remark}"] if song.metre.halved else []
    else:
        notes, own_bpm, n_beats, remarks = _read_audio(path, bpm)
    beats_per_bar = DEFAULT_BEATS if beats_per_bar is None else beats_per_bar
    bars = max(1, math.ceil(n_beats / beats_per_bar - 0.25))
    return Melody(
        tuple(notes),
        own_bpm if bpm is None else bpm,
        beats_per_bar,
        bars * beats_per_bar,
        {"name": path.name, "sha256": sha256(path)},
        tuple(remarks),
        is_score=is_score,
    )


def _read_audio(path: Path, bpm: float | None) -> tuple[list[MidiNote], float, float, list[str]]:
    """Notes, tempo, length in beats, and notes for the user."""
    waveform, rate = files.load(path)
    remarks = []
    if bpm is None:
        found = tempo_of(waveform, rate)
        if found is None:
            raise ParameterError(f"melody={path.name!r}: no tempo found; set `bpm`")
        bpm = found.bpm
        remarks.append(f"{path.name}: {bpm_text(bpm)} BPM detected (override with `bpm`)")
    n_beats = waveform.shape[-1] / rate * bpm / 60
    n_steps = max(1, round(n_beats * STEPS_PER_BEAT))
    shares = chroma_steps(waveform, rate, n_steps)
    loudness = shares.max(axis=1)
    if not loudness.any():
        raise ParameterError(f"melody={path.name!r}: no pitched sound found; choose another file")
    active = (shares >= _LEAST_SHARE * loudness[:, None]) & (
        loudness[:, None] > _LEAST_LEVEL * loudness.max()
    )
    notes = [
        MidiNote(
            first / STEPS_PER_BEAT,
            (last - first) / STEPS_PER_BEAT,
            _OCTAVE + pitch_class if pitch_class < 7 else _OCTAVE - 12 + pitch_class,
            float(np.sqrt(shares[first:last, pitch_class].mean() / loudness.max()).clip(0, 1)),
        )
        for pitch_class in range(12)
        for first, last in _runs(active[:, pitch_class])
    ]
    return sorted(notes, key=lambda note: note.start), bpm, n_beats, remarks


def _runs(active: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def play(notes: Sequence[MidiNote], grid: BeatGrid, sample_rate: int) -> Float[Tensor, "1 sample"]:
    """Synthesize notes as a loop: six decaying harmonics, wrapped around the end; peak 0.5."""
    n_samples = grid.n_samples(sample_rate)
    out = np.zeros(n_samples)
    per_beat = 60 / grid.bpm * sample_rate
    release = round(0.05 * sample_rate)
    for note in notes:
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        length = min(n_samples, round(note.duration * per_beat) + release)
        seconds = np.arange(length) / sample_rate
        tone = sum(
            np.sin(2 * np.pi * k * hz * seconds) / k**1.5
            for k in range(1, _N_HARMONICS + 1)
            if k * hz < sample_rate / 2
        )
        envelope = np.exp(-seconds / _DECAY_SECONDS) * np.minimum(1, seconds / _ATTACK_SECONDS)
        envelope[-release:] *= np.linspace(1, 0, min(release, length))[-length:]
        place = (round(note.start * per_beat) + np.arange(length)) % n_samples
        np.add.at(out, place, note.level * envelope * tone)
    peak = np.abs(out).max()
    return torch.from_numpy((0.5 / peak * out if peak else out).astype(np.float32))[None]
