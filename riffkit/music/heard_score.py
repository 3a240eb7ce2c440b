"""Notes in seconds laid out on beats, as a score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from riffkit.analysis.transcription.notes import HeardNote, HeardNotes
from riffkit.errors import ParameterError
from riffkit.music.midi_score import score_of_file
from riffkit.score.midi import TICKS_PER_BEAT
from riffkit.score.midi_file import MidiFile
from riffkit.score.midi_player import DRUM_CHANNEL, Played
from riffkit.score.notes import Score
from riffkit.spectrogram.beat_grid import MAX_BARS

Quantize = Literal["1/8", "1/12", "1/16", "1/24", "1/32"]
"""Steps of a grid, fractions of a whole note."""
_DRUM_PITCHES = {
    "kick": 36,
    "snare": 38,
    "hats": 42,
    "toms": 45,
    "cymbals": 49,
    "hand percussion": 63,
    "shakers": 70,
}
_BASS_PROGRAM, _OTHER_PROGRAM = 33, 0
_HIGHEST_BASS = 60
_EARLY_SECONDS = 0.04  # so near to a loop's end a note is the first beat's


@dataclass(frozen=True)
class Beats:
    """`at` gives the beat of a time in seconds; a loop has `n_beats` of them."""

    bpm: float
    at: Callable[[float], float]
    n_beats: int | None
    is_loop: bool


def heard_score(
    heard: HeardNotes, beats: Beats, beats_per_bar: int, quantize: Quantize | None, name: str
) -> Score:
    if not len(heard):
        raise ParameterError(f"{name}: contains no notes that can be heard")
    step = 4 / int(quantize.removeprefix("1/")) if quantize else None
    placed = [_place(n.start, n.duration, beats, step) for n in heard.notes]
    struck = [_place(s.start, 0.0, beats, step) for s in heard.strokes]
    starts = [start for start, _ in (*placed, *struck)]
    first = min(starts) + _EARLY_SECONDS * beats.bpm / 60
    lead = 0 if beats.is_loop else -beats_per_bar * math.floor(first / beats_per_bar)
    bass = _bass(heard.notes)
    played = [
        _played(start + lead, length, note.pitch, note.velocity, 1 if is_bass else 0)
        for note, (start, length), is_bass in zip(heard.notes, placed, bass, strict=True)
    ] + [
        _played(start + lead, 0.25, _DRUM_PITCHES[stroke.drum], stroke.velocity, DRUM_CHANNEL)
        for stroke, (start, _) in zip(heard.strokes, struck, strict=True)
    ]
    n_beats = beats.n_beats
    if n_beats is None:
        last = max((start + lead for start in starts), default=0.0)
        n_beats = beats_per_bar * min(MAX_BARS, math.floor(last / beats_per_bar + 1e-6) + 1)
    file = MidiFile(
        TICKS_PER_BEAT,
        notes=tuple(sorted({(n.start, n.channel, n.pitch): n for n in played}.values())),
        tempi=((0, round(60e6 / beats.bpm)),),
        signatures=((0, beats_per_bar, 2),),
        end=n_beats * TICKS_PER_BEAT,
    )
    score, _ = score_of_file(file, n_beats=n_beats)
    return replace(score, facts=replace(score.facts, bpm=beats.bpm))


def _place(
    start_seconds: float, seconds: float, beats: Beats, step: float | None
) -> tuple[float, float]:
    """Start and duration in beats."""
    start = beats.at(start_seconds)
    length = beats.at(start_seconds + seconds) - start
    if step is not None:
        end = round((start + length) / step) * step
        start = round(start / step) * step
        length = max(step, end - start)
    if beats.n_beats is not None:
        if beats.n_beats - start < _EARLY_SECONDS * beats.bpm / 60:
            start = 0.0
        length = min(length, beats.n_beats - start)
    return start, length


def _bass(notes: Sequence[HeardNote]) -> list[bool]:
    return [note.bass > 0.5 and note.pitch < _HIGHEST_BASS for note in notes]


def _played(start: float, length: float, pitch: int, velocity: int, channel: int) -> Played:
    is_drum = channel == DRUM_CHANNEL
    program = 0 if is_drum else (_BASS_PROGRAM if channel else _OTHER_PROGRAM)
    begin = max(0, round(start * TICKS_PER_BEAT))
    end = max(begin + 1, round((start + length) * TICKS_PER_BEAT))
    unsaid = (-1, -1, -1, -1)
    return Played(channel, channel, 0, program, is_drum, begin, end, pitch, velocity, *unsaid)
