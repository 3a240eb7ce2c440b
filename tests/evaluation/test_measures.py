"""What is measured of clips whose score is known: sounds with known faults."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.evaluation.measures import (
    Measures,
    chroma_likeness,
    chroma_of,
    measure_clip,
    measure_loudness,
    measure_names,
    median_cosine,
)
from riffkit.score import Note, Score, Track
from riffkit.score.notes import ScoreFacts

RATE, BPM, BEATS = 44_100, 120.0, 8
SECONDS = BEATS * 60 / BPM
TIME = torch.arange(round(SECONDS * RATE)) / RATE
HELD = (Note(0.0, 3.5, 69, 90), Note(4.0, 3.5, 76, 90))
STROKES = tuple(Note(float(beat), 0.2, 38, 100) for beat in range(BEATS))


def track(instrument: str, role: str, notes: tuple[Note, ...]) -> Track:
    return Track(instrument, role, 128 if role == "drums" else 0, 0, -12.0, 0.0, 0.0, notes)


def score_of(*tracks: Track) -> Score:
    names = tuple(t.instrument for t in tracks if not t.is_drums)
    drums = any(t.is_drums for t in tracks)
    facts = ScoreFacts(
        0, "pop", names, drums, "A", "minor", BPM, 4, BEATS, "medium", (), "with drums"
    )
    return Score(facts, tracks, ())


def held(
    notes: tuple[Note, ...] = HELD, *, vibrato_cents: float = 0.0, tremolo_db: float = 0.0
) -> Tensor:
    """Notes of four partials; vibrato and tremolo have these standard deviations, at 5 Hz."""
    beat, sound = 60 / BPM, torch.zeros_like(TIME)
    for note in notes:
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        since = TIME - note.start * beat
        on = ((since >= 0) & (since < note.duration * beat)).float()
        swing = torch.sin(2 * math.pi * 5 * since)
        # the phase's slope is the frequency: hz · (1 + depth · swing)
        depth = vibrato_cents * math.sqrt(2) * math.log(2) / 1200
        phase = since - depth / (2 * math.pi * 5) * torch.cos(2 * math.pi * 5 * since)
        level = 10 ** (tremolo_db * math.sqrt(2) * swing / 20)
        for n in range(1, 5):
            sound += on * level * torch.sin(2 * math.pi * n * hz * phase) / n
    return 0.1 * sound[None].expand(2, -1)


def hits(rise_ms: float, *, noise_db: float | None = None) -> Tensor:
    """Noise at every beat that rises in so many ms; `noise_db` all of the time."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(TIME), generator=generator)
    since = TIME % (60 / BPM)
    envelope = (1000 * since / rise_ms).clamp(max=1) * torch.exp(-since / 0.03)
    floor = 0.0 if noise_db is None else 10 ** (noise_db / 20)
    return 0.2 * (noise * envelope + floor * noise.flip(0))[None].expand(2, -1)


def measured(score: Score, *stems: Tensor) -> Measures:
    return measure_clip(score, torch.stack(stems).sum(0), stems, RATE)


def test_wavering_notes_are_told_from_steady_ones() -> None:
    score = score_of(track("violin", "lead", HELD))
    steady = measured(score, held())
    assert steady.pitch_wobble_cents is not None and steady.pitch_wobble_cents < 1
    assert steady.level_wobble_db is not None and steady.level_wobble_db < 0.5
    wavering = measured(score, held(vibrato_cents=20.0))
    assert wavering.pitch_wobble_cents == pytest.approx(20, rel=0.2)
    throbbing = measured(score, held(tremolo_db=2.0))
    assert throbbing.level_wobble_db == pytest.approx(2, rel=0.2)
    plucked = score_of(track("harp", "lead", HELD))
    assert measured(plucked, held()).level_wobble_db is None  # it fades by itself
    short = score_of(track("violin", "lead", (Note(0.0, 0.5, 69, 90),)))
    assert measured(short, held()).pitch_wobble_cents is None


def test_soft_and_noisy_hits_are_told_from_hard_ones() -> None:
    score = score_of(track("drums", "drums", STROKES))
    hard, soft = (measured(score, hits(ms)) for ms in (1.0, 12.0))
    assert hard.rise_ms is not None and soft.rise_ms is not None
    assert hard.rise_ms < 3 < 6 < soft.rise_ms
    noisy = measured(score, hits(1.0, noise_db=-30.0))
    assert hard.noise_before_db is not None and noisy.noise_before_db is not None
    assert hard.noise_before_db < -60 and -50 < noisy.noise_before_db < -25
    assert hard.drum_strokes is not None and hard.drum_strokes > 0.6
    assert hard.melody_notes is None and hard.mix_notes is None


def test_notes_that_are_missing_or_wrong_count() -> None:
    score = score_of(track("violin", "lead", HELD), track("strings", "pad", HELD))
    right = measured(score, held(), held())
    assert right.melody_notes == right.chord_notes == 1
    silent = measured(score, torch.zeros(2, len(TIME)), held())
    assert silent.melody_notes == 0 and silent.chord_notes == 1
    wrong = tuple(Note(n.start, n.duration, n.pitch + 1, 90) for n in HELD)
    assert measured(score, held(wrong), held()).melody_notes == 0


def test_width_is_that_of_wide_instruments() -> None:
    score = score_of(track("strings", "pad", HELD), track("violin", "lead", HELD))
    left_only = held() * torch.tensor([[1.0], [0.0]])
    assert measured(score, left_only, held()).width_db == pytest.approx(0, abs=0.1)
    assert measured(score, held(), left_only).width_db == -60  # a violin is one point


def test_chroma_is_that_of_the_render() -> None:
    rendered = chroma_of(held(), RATE, BEATS)
    assert rendered.shape == (4 * BEATS, 12) and rendered.max() == 1
    other = tuple(Note(n.start, n.duration, n.pitch + 1, 90) for n in HELD)
    same, wrong = (chroma_likeness(sound, RATE, rendered) for sound in (held(), held(other)))
    assert same == pytest.approx(1) and wrong is not None and wrong < 0.3
    assert median_cosine(rendered, np.zeros_like(rendered)) is None


def test_loudness_needs_no_score() -> None:
    loud, soft = (measure_loudness(gain * held(), RATE).loudness_lufs for gain in (1.0, 0.1))
    assert loud is not None and soft is not None
    assert loud - soft == pytest.approx(20, abs=0.1)
    assert measure_loudness(torch.zeros(2, RATE), RATE) == Measures()


def test_every_figure_has_a_name_of_its_own() -> None:
    names = [measure.name for measure in measure_names().values()]
    assert len(set(names)) == len(names) == 12
