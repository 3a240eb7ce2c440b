"""The user's melody: the notes of a MIDI file, or those that are heard in a recording."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.chroma import chroma_steps
from riffkit.analysis.tempo import tempo as tempo_of
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.brought import Brought, read_lead
from riffkit.music.midi import is_midi
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import sha256
from riffkit.score.notes import Note
from riffkit.score.spans import repeated, until, whole_bars
from riffkit.spectrogram.beat_grid import BeatGrid

STEPS_PER_BEAT = 4
_OCTAVE = 72  # where a melody is laid of which only the pitch classes are known
_LEAST_LEVEL = 0.15  # of the loudest step


def read_melody(
    path: Path, *, bpm: float | None, beats_per_bar: int | None, named_beats: int | None = None
) -> Brought:
    """Read a MIDI or audio file; of a song, the strongest pitch class of each sixteenth note.

    Tempo and metre are the file's own unless given. Sound is taken to be in the metre that the
    prompt names, `named_beats`, or in 4/4. AudioFileError or ParameterError for an unusable file.
    """
    if is_midi(path):
        return read_lead(path, beats_per_bar=beats_per_bar)
    notes, bpm, remarks = _heard(path, bpm)
    beats = beats_per_bar or named_beats or DEFAULT_BEATS
    bars = whole_bars(notes, beats)
    identity = {"name": path.name, "sha256": sha256(path)}
    return Brought(
        until(bars * beats, notes), bars, bpm, beats, None, identity, remarks, is_recording=True
    )


def chroma(notes: Sequence[Note], n_beats: int) -> Float[np.ndarray, "step pitch_class"]:
    """The strength of each pitch class at each sixteenth note."""
    steps = np.zeros((n_beats * STEPS_PER_BEAT, 12))
    for note in notes:
        first = round(note.start * STEPS_PER_BEAT)
        last = max(first + 1, round((note.start + note.duration) * STEPS_PER_BEAT))
        steps[first:last, note.pitch % 12] += note.velocity / 127
    return steps


def similarity(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    melody: Brought,
    grid: BeatGrid,
    *,
    beats_per_bar: int,
) -> float:
    """How closely a clip follows the melody, 0 to 1: the mean cosine of chromas where it sounds."""
    period = whole_bars(melody.notes, beats_per_bar) * beats_per_bar
    notes = repeated(melody.notes, period, grid.n_beats)
    wanted = chroma(notes, grid.n_beats)
    heard = chroma_steps(waveform, sample_rate, len(wanted))
    sounds = wanted.any(axis=1)
    if not sounds.any():
        return 0.0
    norms = np.linalg.norm(wanted, axis=1) * np.linalg.norm(heard, axis=1)
    cosines = (wanted * heard).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(cosines[sounds].mean())


def _heard(path: Path, bpm: float | None) -> tuple[tuple[Note, ...], float, tuple[str, ...]]:
    """Notes, tempo, and notes for the user."""
    waveform, rate = files.load(path)
    remarks = []
    if bpm is None:
        found = tempo_of(waveform, rate)
        if found is None:
            raise ParameterError(f"melody={path.name!r}: no tempo found; set `bpm`")
        bpm = found.bpm
        remarks.append(f"{path.name}: {bpm_text(bpm)} BPM detected (override with `bpm`)")
    n_beats = waveform.shape[-1] / rate * bpm / 60
    shares = chroma_steps(waveform, rate, max(1, round(n_beats * STEPS_PER_BEAT)))
    loudness = shares.max(axis=1)
    if not loudness.any():
        raise ParameterError(f"melody={path.name!r}: no pitched sound found; choose another file")
    strongest = np.where(loudness > _LEAST_LEVEL * loudness.max(), shares.argmax(axis=1), -1)
    notes, first = [], 0
    for pitch_class, same in itertools.groupby(strongest.tolist()):
        last = first + len(list(same))
        if pitch_class >= 0:
            level = np.sqrt(loudness[first:last].mean() / loudness.max()).clip(0.1, 1)
            pitch = _OCTAVE + pitch_class - (12 if pitch_class >= 7 else 0)
            start, length = first / STEPS_PER_BEAT, (last - first) / STEPS_PER_BEAT
            notes.append(Note(start, length, pitch, round(127 * float(level))))
        first = last
    return tuple(notes), float(bpm), tuple(remarks)
