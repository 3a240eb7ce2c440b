"""What can be measured of a clip whose score is known: its notes, hits, held notes, width, level.

Each figure is to be read beside that of real renders of the same score (renders.py): neither the
transcriber nor a real instrument is perfect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.chroma import chroma_steps
from riffkit.audio.loudness import integrated_lufs
from riffkit.errors import ParameterError
from riffkit.evaluation.attacks import noise_before_db, rise_ms, side_over_mid_db, wobble
from riffkit.evaluation.note_match import Matched
from riffkit.evaluation.notes_right import compare
from riffkit.music.stems import is_mono
from riffkit.music.transcribing import hear_loop
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Note, Score
from riffkit.score.stems import Stem, stems_of

Sound = Float[Tensor, "_ _sample"]
Chroma = Float[np.ndarray, "step 12"]

CHROMA_STEPS_PER_BEAT = 4
_MELODY, _CHORDS, _BASS = ("lead", "solo"), ("comp", "pad", "arp"), ("bass",)
_FEWEST_HITS, _MOST_HITS, _ALONE_SECONDS, _TOGETHER_SECONDS = 2, 12, 0.15, 0.03
_HELD_SECONDS, _MOST_HELD = 0.9, 4
_BEGUN_SECONDS, _RINGING_SECONDS = 0.12, 0.3
_PARTIALS_HZ, _APART_HZ = (150.0, 1_200.0), 60.0
_QUIET_RMS = 1e-4
_LEAST_WIDTH_DB, _LEAST_NOISE_DB = -60.0, -100.0


@dataclass(frozen=True)
class Measure:
    """What a figure of `Measures` is called, and its unit; without one it is a share of 1."""

    name: str
    unit: str = ""


def _figure(name: str, unit: str = "") -> Any:
    return field(default=None, metadata={"measure": Measure(name, unit)})


@dataclass(frozen=True)
class Measures:
    """The figures of one clip; None where its score has nothing of the kind.

    F1 of notes: pitch right and begun within 50 ms, each player heard alone, by the bundled
    transcriber; `mix_notes` those of all players heard together. `chroma` is the median cosine with
    a real render of the score, over sixteenths. Wobble is one standard deviation of the partials of
    notes held for 0.9 s and more, by instruments that sustain. Rise (10 to 90 %) and noise (of the
    peak) are those of drum strokes with 150 ms to themselves. `width_db` is side over mid of the
    instruments that aren't mono.
    """

    melody_notes: float | None = _figure("melody's notes, F1")
    chord_notes: float | None = _figure("chords' notes, F1")
    bass_notes: float | None = _figure("bass's notes, F1")
    drum_strokes: float | None = _figure("drums' strokes, F1")
    mix_notes: float | None = _figure("notes in the mix, F1")
    chroma: float | None = _figure("chroma of a real render, cosine")
    pitch_wobble_cents: float | None = _figure("wobble of held notes, pitch", "cents")
    level_wobble_db: float | None = _figure("wobble of held notes, level", "dB")
    rise_ms: float | None = _figure("rise of hits", "ms")
    noise_before_db: float | None = _figure("noise before hits", "dB")
    width_db: float | None = _figure("side over mid of instruments", "dB")
    loudness_lufs: float | None = _figure("loudness", "LUFS")


def measure_names() -> dict[str, Measure]:
    """What each field of `Measures` is called."""
    return {one.name: one.metadata["measure"] for one in fields(Measures)}


def measure_loudness(mix: Sound, sample_rate: int) -> Measures:
    """All that can be told of a clip without a score."""
    return Measures(loudness_lufs=_finite(integrated_lufs(mix, sample_rate)))


def measure_clip(
    score: Score,
    mix: Sound,
    stems: Sequence[Sound],
    sample_rate: int,
    *,
    rendered: Chroma | None = None,
) -> Measures:
    """Measure a loop and its players.

    Args:
        score: what it plays.
        mix: all of it.
        stems: the sound of each of `stems_of(score)`.
        sample_rate: of all sounds, in Hz.
        rendered: the chroma of a real render of the score; without one `chroma` is None.

    Returns:
        Its figures.
    """
    players = list(zip(stems_of(score), stems, strict=True))
    heard = [hear_loop(sound, sample_rate) for _, sound in players]
    matched: dict[str, Matched] = {}
    for (stem, _), notes in zip(players, heard, strict=True):
        right = compare(notes, _only(score, stem))
        kind = "drums" if stem.is_drums else _kind(stem)
        one = right.drums if stem.is_drums else right.pitches
        matched[kind] = matched.get(kind, Matched()) + one
    f1 = {kind: one.f1 for kind, one in matched.items()}
    has_pitches = any(not stem.is_drums for stem, _ in players)
    together = heard[0] if len(heard) == 1 else hear_loop(mix, sample_rate)
    whole = compare(together, score).pitches.f1 if has_pitches else None
    held = _held(players, score, sample_rate)
    return Measures(
        melody_notes=f1.get("melody"),
        chord_notes=f1.get("chords"),
        bass_notes=f1.get("bass"),
        drum_strokes=f1.get("drums"),
        mix_notes=whole,
        chroma=None if rendered is None else chroma_likeness(mix, sample_rate, rendered),
        pitch_wobble_cents=held.get("pitch"),
        level_wobble_db=held.get("level"),
        **_hits(players, score, sample_rate),
        width_db=_width(players),
        loudness_lufs=_finite(integrated_lufs(mix, sample_rate)),
    )


def chroma_of(mix: Sound, sample_rate: int, n_beats: int) -> Chroma:
    """How much of each pitch class sounds in each sixteenth, the most of all 1; zeros in silence.

    What is no more than noise beside the loudest sixteenth counts as silence.
    """
    steps = chroma_steps(mix, sample_rate, CHROMA_STEPS_PER_BEAT * n_beats)
    return steps / max(float(steps.max()), 1e-9)


def chroma_likeness(mix: Sound, sample_rate: int, rendered: Chroma) -> float | None:
    """The median cosine of the pitch classes of each sixteenth, where the render has any."""
    n_beats = len(rendered) // CHROMA_STEPS_PER_BEAT
    return median_cosine(chroma_of(mix, sample_rate, n_beats), rendered)


def median_cosine(heard: Chroma, wanted: Chroma) -> float | None:
    """The median over the steps in which something is wanted; None where nothing is."""
    sounds = wanted.any(axis=1)
    if not sounds.any():
        return None
    norms = np.linalg.norm(heard, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = (heard * wanted).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(np.median(cosines[sounds]))


def _only(score: Score, stem: Stem) -> Score:
    return Score(score.facts, stem.tracks, score.chords, score.mix, score.sections)


def _kind(stem: Stem) -> str:
    role = stem.tracks[0].role
    if role in _BASS:
        return "bass"
    return "chords" if role in _CHORDS else "melody"


def _width(players: Sequence[tuple[Stem, Sound]]) -> float | None:
    widths = [
        max(_LEAST_WIDTH_DB, side_over_mid_db(sound))
        for stem, sound in players
        if not stem.is_drums and not is_mono(stem.track) and _is_heard(sound)
    ]
    return float(np.median(widths)) if widths else None


def _hits(
    players: Sequence[tuple[Stem, Sound]], score: Score, sample_rate: int
) -> Mapping[str, float | None]:
    """Rise of and noise before the drums' strokes that have some time to themselves."""
    drums = next(((stem, sound) for stem, sound in players if stem.is_drums), None)
    if drums is None or not _is_heard(drums[1]):
        return {}
    beat = 60 / score.bpm
    loop = score.n_beats * beat
    starts = sorted(note.start * beat for note in drums[0].track.notes)
    before = [starts[-1] - loop, *starts]
    first = [b for a, b in pairwise(before) if b - a > _TOGETHER_SECONDS]
    around = [first[-1] - loop, *first]
    alone = [b for a, b in pairwise(around) if b - a >= _ALONE_SECONDS]
    n_samples = drums[1].shape[-1]
    hits = [min(n_samples - 1, round(start * sample_rate)) for start in alone[:_MOST_HITS]]
    if len(hits) < _FEWEST_HITS:
        return {}
    noise = noise_before_db(drums[1], sample_rate, hits, circular=True)
    return {
        "rise_ms": _finite(rise_ms(drums[1], sample_rate, hits, circular=True)),
        "noise_before_db": None if math.isnan(noise) else max(_LEAST_NOISE_DB, noise),
    }


def _held(
    players: Sequence[tuple[Stem, Sound]], score: Score, sample_rate: int
) -> dict[str, float]:
    """Wobble of held notes: the medians over the notes."""
    found = []
    for stem, sound in players:
        instrument = INSTRUMENTS.get(stem.track.instrument)
        if stem.is_drums or instrument is None or not instrument.sustains:
            continue
        for part, partials in _held_notes(stem, score, sound, sample_rate):
            if not _is_heard(part):
                continue
            try:
                found.append(wobble(part, sample_rate, partials_hz=partials))
            except (ParameterError, ZeroDivisionError):
                continue
    if not found:
        return {}
    return {
        "pitch": float(np.median([one.pitch_cents for one in found])),
        "level": float(np.median([one.level_db for one in found])),
    }


def _held_notes(
    stem: Stem, score: Score, sound: Sound, sample_rate: int
) -> list[tuple[Sound, list[float]]]:
    """The longest notes' sounds, without their beginnings, and their partials that are alone."""
    beat, notes = 60 / score.bpm, stem.track.notes
    long = sorted(notes, key=lambda note: -note.duration)
    found = []
    for note in long[:_MOST_HELD]:
        start, end = note.start * beat, (note.start + note.duration) * beat
        end = min(end, score.n_beats * beat)
        if end - start < _HELD_SECONDS:
            continue
        others = [one for one in notes if one is not note and _sounds(one, start, end, beat)]
        partials = _partials_alone(note, others)
        if partials:
            first, last = (round(t * sample_rate) for t in (start + _BEGUN_SECONDS, end))
            found.append((sound[:, first:last], partials))
    return found


def _sounds(note: Note, start: float, end: float, beat: float) -> bool:
    over = (note.start + note.duration) * beat + _RINGING_SECONDS
    return note.start * beat < end and over > start + _BEGUN_SECONDS


def _partials_alone(note: Note, others: Sequence[Note]) -> list[float]:
    """Its partials that lie apart from those of other notes."""
    foreign = np.array([hz for one in others for hz in _partials(one)])
    return [
        hz
        for hz in _partials(note)
        if not len(foreign) or float(np.abs(foreign - hz).min()) > _APART_HZ
    ]


def _partials(note: Note) -> list[float]:
    hz = 440 * 2 ** ((note.pitch - 69) / 12)
    low, high = _PARTIALS_HZ
    return [n * hz for n in range(1, int(high / hz) + 1) if n * hz >= low]


def _is_heard(sound: Sound) -> bool:
    return bool(sound.square().mean().sqrt() > _QUIET_RMS)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
