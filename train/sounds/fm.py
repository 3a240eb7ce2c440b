"""Frequency modulation: two sines, of which one moves the other's phase (Chowning 1973)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from train.sounds.envelope import Envelope
from train.sounds.voices import SAMPLE_RATE, Stereo, seconds


@dataclass(frozen=True)
class FmVoice:
    """Electric pianos, bells, basses, brass. `ratio` is the modulator's frequency by the note's.

    The index (radians) begins at `index` and falls to `index_end` with time constant `index_s`.
    `chorus_cents` detunes left against right.
    """

    ratio: float = 1.0
    index: float = 3.0
    index_end: float = 0.5
    index_s: float = 0.3
    chorus_cents: float = 0.0
    envelope: Envelope = field(default_factory=Envelope)

    def play(self, note_hz: float, held_s: float, loudness: float) -> Stereo:
        time_s = seconds(self.envelope.sounding_s(held_s))
        level = self.envelope.level(time_s, held_s) * loudness
        index = self.index_end + (self.index - self.index_end) * np.exp(-time_s / self.index_s)
        index *= loudness * self._room_for(note_hz)
        sides = [note_hz]
        if self.chorus_cents:
            sides = [note_hz * 2 ** (sign * self.chorus_cents / 2400) for sign in (-1, 1)]
        rows = [level * self._wave(hz, time_s, index) for hz in sides]
        return np.stack((rows[0], rows[-1])).astype(np.float32)

    def _wave(self, hz: float, time_s: np.ndarray, index: np.ndarray) -> np.ndarray:
        turns = time_s.astype(np.float64) * hz
        modulator = np.sin(_radians(turns * self.ratio))
        wave: np.ndarray = np.sin(_radians(turns) + index * modulator)
        return wave

    def _room_for(self, note_hz: float) -> float:
        """Less index where its sidebands, about index + 1 each way, would pass half the rate."""
        widest = 0.45 * SAMPLE_RATE / note_hz - 1
        return float(np.clip((widest / max(self.ratio, 0.5) - 1) / max(self.index, 0.1), 0, 1))


def _radians(turns: np.ndarray) -> np.ndarray:
    """Whole turns taken off first, so that single precision is enough."""
    radians: np.ndarray = ((turns - np.floor(turns)) * (2 * np.pi)).astype(np.float32)
    return radians
