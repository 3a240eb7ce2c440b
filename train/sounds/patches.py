"""Patches of the own synthesiser, drawn by instrument."""

from __future__ import annotations

import numpy as np

from riffkit.score.instruments import KITS
from riffkit.score.notes import Track
from train.sounds.drum_machine import DrumMachine
from train.sounds.envelope import Envelope
from train.sounds.fm import FmVoice
from train.sounds.plucked import PluckedVoice
from train.sounds.subtractive import SubtractiveVoice
from train.sounds.voices import Voice
from train.sounds.wavetable import Wave

MACHINE_KITS = frozenset((KITS["electronic"], KITS["808"]))
_SYNTHS = frozenset(
    (
        "synth bass",
        "square lead",
        "synth lead",
        "synth pad",
        "synth strings",
        "synth brass",
        "organ",
    )
)
_FM = frozenset(
    ("electric piano", "vibraphone", "tubular bells", "celesta", "music box", "glockenspiel")
)
_PLUCKED = frozenset(("acoustic guitar", "harp", "banjo", "harpsichord", "muted guitar", "sitar"))
_LONG = frozenset(("synth pad", "synth strings", "strings", "choir"))


def plays_truly(instrument: str) -> bool:
    """Whether the synthesiser's sound is what the instrument's name says."""
    return instrument in _SYNTHS or instrument in _FM or instrument in _PLUCKED


def draw_voice(track: Track, rng: np.random.Generator) -> Voice:
    """A patch that suits the instrument where there is one, else any."""
    name = track.instrument
    if name in _FM or (not plays_truly(name) and rng.random() < 0.3):
        return _fm(rng)
    if name in _PLUCKED or (not plays_truly(name) and rng.random() < 0.3):
        return _plucked(rng)
    if track.role == "bass" or name == "synth bass":
        return _bass(rng)
    if name in _LONG or track.role == "pad":
        return _pad(rng)
    return _organ(rng) if name == "organ" else _lead(name, rng)


def draw_machine(rng: np.random.Generator) -> DrumMachine:
    return DrumMachine(
        tune=2 ** float(rng.uniform(-0.3, 0.3)),
        length=2 ** float(rng.uniform(-1, 0.8)),
        hardness=float(rng.uniform(0, 1)),
        width=float(rng.choice((0.0, 0.3, 0.7))),
        seed=int(rng.integers(2**31)),
    )


def _bass(rng: np.random.Generator) -> Voice:
    """Acid (resonant, sweeping, some sliding), plain, or a sub."""
    acid = rng.random() < 0.4
    wave = _one_of(rng, "saw", "saw", "square", "pulse") if rng.random() < 0.8 else "sine"
    return SubtractiveVoice(
        wave=wave,
        cutoff_hz=_octaves(rng, 120.0, 900.0),
        resonance=float(rng.uniform(3, 12)) if acid else float(rng.uniform(0.6, 2)),
        poles=4 if acid else 2,
        sweep_octaves=float(rng.uniform(1.5, 4)) if acid else float(rng.uniform(0, 2)),
        sweep_s=_octaves(rng, 0.04, 0.4),
        tracking=float(rng.uniform(0, 0.6)),
        slide_cents=float(rng.choice((0, 0, 0, -700, -1200, 500))) * acid,
        envelope=Envelope(0.003, _octaves(rng, 0.1, 1.5), float(rng.uniform(0, 1)), 0.03),
        seed=int(rng.integers(2**31)),
    )


def _lead(name: str, rng: np.random.Generator) -> Voice:
    super_saw = name != "square lead" and rng.random() < 0.4
    wave: Wave = "square" if name == "square lead" else _one_of(rng, "saw", "pulse", "square")
    return SubtractiveVoice(
        wave="saw" if super_saw else wave,
        n_voices=7 if super_saw else int(rng.choice((1, 1, 2))),
        detune_cents=float(rng.uniform(5, 35)),
        width=float(rng.uniform(0, 0.9)),
        cutoff_hz=_octaves(rng, 700.0, 9_000.0),
        resonance=float(rng.uniform(0.6, 4)),
        sweep_octaves=float(rng.uniform(-1, 3)),
        sweep_s=_octaves(rng, 0.05, 0.6),
        tracking=float(rng.uniform(0.2, 1)),
        vibrato_cents=float(rng.choice((0, 0, 15, 35))),
        vibrato_hz=float(rng.uniform(4, 7)),
        envelope=Envelope(
            _octaves(rng, 0.002, 0.05),
            _octaves(rng, 0.1, 2.0),
            float(rng.uniform(0.2, 1)),
            _octaves(rng, 0.03, 0.4),
        ),
        seed=int(rng.integers(2**31)),
    )


def _pad(rng: np.random.Generator) -> Voice:
    return SubtractiveVoice(
        wave=_one_of(rng, "saw", "saw", "pulse", "triangle"),
        n_voices=int(rng.choice((2, 4, 7))),
        detune_cents=float(rng.uniform(4, 25)),
        width=float(rng.uniform(0.2, 1)),
        cutoff_hz=_octaves(rng, 400.0, 6_000.0),
        resonance=float(rng.uniform(0.6, 2.5)),
        sweep_octaves=float(rng.uniform(-3, 1)),
        sweep_s=_octaves(rng, 0.3, 3.0),
        envelope=Envelope(
            _octaves(rng, 0.02, 0.8), 2.0, float(rng.uniform(0.6, 1)), _octaves(rng, 0.1, 0.8)
        ),
        seed=int(rng.integers(2**31)),
    )


def _organ(rng: np.random.Generator) -> Voice:
    return SubtractiveVoice(
        wave="organ",
        n_voices=2,
        detune_cents=float(rng.uniform(0, 6)),
        width=float(rng.uniform(0, 0.6)),
        cutoff_hz=_octaves(rng, 2_000.0, 12_000.0),
        vibrato_cents=float(rng.choice((0, 8, 20))),
        vibrato_hz=float(rng.choice((0.8, 6.5))),
        envelope=Envelope(0.004, 1.0, 1.0, 0.02),
        seed=int(rng.integers(2**31)),
    )


def _fm(rng: np.random.Generator) -> Voice:
    """Electric pianos, bells, brasses and basses, by ratio and by how the index falls."""
    decay_s = _octaves(rng, 0.15, 2.0)
    return FmVoice(
        ratio=float(rng.choice((1, 1, 2, 3, 3.5, 7, 14, 1.41))),
        index=_octaves(rng, 0.5, 8.0),
        index_end=float(rng.uniform(0, 1)),
        index_s=decay_s * float(rng.uniform(0.2, 1)),
        chorus_cents=float(rng.choice((0, 0, 4, 10))),
        envelope=Envelope(
            _octaves(rng, 0.001, 0.03),
            decay_s,
            float(rng.choice((0, 0, 0.4, 0.9))),
            _octaves(rng, 0.05, 0.5),
        ),
    )


def _plucked(rng: np.random.Generator) -> Voice:
    return PluckedVoice(
        ring_s=_octaves(rng, 0.6, 6.0),
        dullness=float(rng.uniform(0.05, 0.48)),
        position=float(rng.uniform(0.08, 0.45)),
        damped_s=_octaves(rng, 0.02, 0.3),
        seed=int(rng.integers(2**31)),
    )


def _octaves(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly over the octaves from `low` to `high`."""
    return float(2 ** rng.uniform(np.log2(low), np.log2(high)))


def _one_of(rng: np.random.Generator, *waves: Wave) -> Wave:
    return waves[int(rng.integers(len(waves)))]
