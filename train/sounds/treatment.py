"""What is done to a track before it is mixed: filter, drive, chorus, tremolo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riffkit.score.notes import Track
from train.sounds.effects import chorus, equalize, overdrive, tremolo
from train.sounds.voices import Stereo

_EQ_SHARE, _DRIVE_SHARE, _CHORUS_SHARE, _TREMOLO_SHARE = 0.6, 0.15, 0.15, 0.06


@dataclass(frozen=True)
class Treatment:
    """Zeros and None: left out."""

    low_cut_hz: float = 0.0
    high_cut_hz: float | None = None
    tilt_db: float = 0.0
    bell_hz: float = 1_000.0
    bell_db: float = 0.0
    drive_db: float | None = None
    chorus_ms: float = 0.0
    chorus_turns: int = 1
    tremolo_depth: float = 0.0
    tremolo_turns: int = 8
    mono: bool = False

    def apply(self, loop: Stereo) -> Stereo:
        if self.mono:
            loop = np.repeat(loop.mean(axis=0, keepdims=True), 2, axis=0)
        if self.drive_db is not None:
            loop = overdrive(loop, self.drive_db)
        if self._has_equalizer:
            loop = equalize(
                loop,
                low_cut_hz=self.low_cut_hz,
                high_cut_hz=self.high_cut_hz,
                tilt_db=self.tilt_db,
                bell_hz=self.bell_hz,
                bell_db=self.bell_db,
            )
        if self.chorus_ms:
            loop = chorus(loop, depth_ms=self.chorus_ms, turns=self.chorus_turns, wet=0.8)
        if self.tremolo_depth:
            loop = tremolo(loop, depth=self.tremolo_depth, turns=self.tremolo_turns)
        return loop

    @property
    def _has_equalizer(self) -> bool:
        return bool(self.low_cut_hz or self.high_cut_hz or self.tilt_db or self.bell_db)


def draw_treatment(track: Track, rng: np.random.Generator) -> Treatment:
    """Drums are neither driven into a chorus nor swung; all else by chance."""
    pitched = not track.is_drums
    has_eq, dull = rng.random() < _EQ_SHARE, rng.random() < 0.3
    return Treatment(
        low_cut_hz=float(2 ** rng.uniform(4.5, 8)) if has_eq and rng.random() < 0.3 else 0.0,
        high_cut_hz=float(2 ** rng.uniform(10.5, 14)) if has_eq and dull else None,
        tilt_db=float(rng.normal(0, 1.5)) if has_eq else 0.0,
        bell_hz=float(2 ** rng.uniform(7.5, 12.5)),
        bell_db=float(rng.normal(0, 4)) if has_eq else 0.0,
        drive_db=float(rng.uniform(0, 24)) if rng.random() < _DRIVE_SHARE else None,
        chorus_ms=float(rng.uniform(0.5, 5)) if rng.random() < _CHORUS_SHARE * pitched else 0.0,
        chorus_turns=int(rng.integers(1, 8)),
        tremolo_depth=float(rng.uniform(0.2, 0.9))
        if rng.random() < _TREMOLO_SHARE * pitched
        else 0.0,
        tremolo_turns=int(rng.choice((4, 8, 16, 24))),
        mono=bool(rng.random() < 0.25),
    )
