"""How a track sounds in one clip: drawn anew for each, so that no two pianos are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from riffkit.score.notes import Note, Track
from train.sounds.drum_machine import DrumMachine
from train.sounds.patches import MACHINE_KITS, draw_machine, draw_voice, plays_truly
from train.sounds.render_score import render_track
from train.sounds.treatment import Treatment, draw_treatment
from train.sounds.voices import SAMPLE_RATE, Stereo, Voice, play_loop

_SHARE_OWN_TRUE, _SHARE_OWN_FREE = 0.6, 0.12
_VIBRATO_SHARE = 0.5
_BEND_STEP_S = 0.01
_SUSTAINED = frozenset(
    (
        "violin",
        "viola",
        "cello",
        "strings",
        "choir",
        "trumpet",
        "trombone",
        "french horn",
        "oboe",
        "saxophone",
        "clarinet",
        "flute",
        "pan flute",
        "synth lead",
        "harmonica",
    )
)


@dataclass(frozen=True)
class Timbre:
    """A sound source and what is done to it.

    `source` is a voice of the synthesiser, a drum machine, or a soundfont's file, whose program is
    the track's. Vibrato and tuning in cents; `touch` scales the spread of velocities.
    """

    source: Voice | DrumMachine | Path
    treatment: Treatment
    tuning_cents: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    touch: float = 1.0
    softer: int = 0


def draw_timbre(
    track: Track,
    fonts: Sequence[Path],
    rng: np.random.Generator,
    *,
    tuning_cents: float = 0.0,
    freely: bool = False,
) -> Timbre:
    """A timbre for the track; `freely`: now and then one that isn't the named instrument's."""
    vibrato = track.instrument in _SUSTAINED and rng.random() < _VIBRATO_SHARE
    return Timbre(
        source=_draw_source(track, fonts, rng, freely),
        treatment=draw_treatment(track, rng),
        tuning_cents=tuning_cents,
        vibrato_cents=float(rng.uniform(5, 40)) if vibrato else 0.0,
        vibrato_hz=float(rng.uniform(4, 7)),
        touch=float(rng.uniform(0.6, 1.6)),
        softer=int(rng.integers(-10, 30)),
    )


def _draw_source(
    track: Track, fonts: Sequence[Path], rng: np.random.Generator, freely: bool
) -> Voice | DrumMachine | Path:
    own, font = rng.random(), fonts[int(rng.integers(len(fonts)))]
    true = track.program in MACHINE_KITS if track.is_drums else plays_truly(track.instrument)
    if own >= (_SHARE_OWN_TRUE if true else _SHARE_OWN_FREE * freely):
        return font
    return draw_machine(rng) if track.is_drums else draw_voice(track, rng)


def sound_track(track: Track, timbre: Timbre, *, n_beats: int, n_samples: int) -> Stereo:
    """The track as one turn of a loop, dry but for its own effects, at no certain level."""
    played = replace(track, notes=tuple(_touched(note, timbre) for note in track.notes))
    if isinstance(timbre.source, Path):
        bends = _bends(track, timbre, n_samples)
        sound = render_track(played, n_beats, n_samples, timbre.source, bends=bends)
    elif isinstance(timbre.source, DrumMachine):
        sound = timbre.source.play(played.notes, n_beats=n_beats, n_samples=n_samples)
    else:
        sound = play_loop(
            played.notes,
            timbre.source,
            n_beats=n_beats,
            n_samples=n_samples,
            cents=timbre.tuning_cents,
        )
    return timbre.treatment.apply(sound)


def _touched(note: Note, timbre: Timbre) -> Note:
    velocity = 90 + timbre.touch * (note.velocity - 90) - timbre.softer
    return replace(note, velocity=int(min(127, max(12, velocity))))


def _bends(track: Track, timbre: Timbre, n_samples: int) -> list[tuple[int, float]]:
    """The tuning alone, or with a vibrato of whole turns a loop."""
    if track.is_drums:
        return []
    if not timbre.vibrato_cents:
        return [(0, timbre.tuning_cents)] if timbre.tuning_cents else []
    loop_s = n_samples / SAMPLE_RATE
    turns = max(1, round(loop_s * timbre.vibrato_hz))
    places = np.arange(0, 1, _BEND_STEP_S / loop_s)
    cents = timbre.tuning_cents + timbre.vibrato_cents * np.sin(2 * np.pi * turns * places)
    return [(int(p * n_samples), float(c)) for p, c in zip(places, cents, strict=True)]
