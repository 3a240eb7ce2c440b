"""A subtractive synthesiser: detuned oscillators through a filter that moves with the note."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from train.sounds.envelope import Envelope
from train.sounds.voices import SAMPLE_RATE, Stereo, seconds
from train.sounds.wavetable import HIGHEST_HZ, Wave, filtered_table, read_table

_ROWS_PER_OCTAVE = 1.5
_LOWEST_CUTOFF_HZ = 40.0


@dataclass(frozen=True)
class SubtractiveVoice:
    """A patch; with seven voices a supersaw, with much resonance and a quick sweep an acid bass.

    The cutoff starts `sweep_octaves` above `cutoff_hz` and falls to it with the time constant
    `sweep_s`; it follows the note by `tracking` (1: as many octaves as the note), and a note of
    half the loudness is duller by `touch_octaves`. `width`: 0 all voices in the middle, 1 apart.
    """

    wave: Wave = "saw"
    n_voices: int = 1
    detune_cents: float = 0.0
    width: float = 0.0
    cutoff_hz: float = 2_000.0
    resonance: float = 0.7
    poles: int = 2
    sweep_octaves: float = 0.0
    sweep_s: float = 0.2
    tracking: float = 0.5
    touch_octaves: float = 1.0
    envelope: Envelope = field(default_factory=Envelope)
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    vibrato_delay_s: float = 0.25
    slide_cents: float = 0.0
    slide_s: float = 0.04
    seed: int = 0

    def play(self, note_hz: float, held_s: float, loudness: float) -> Stereo:
        time_s = seconds(self.envelope.sounding_s(held_s))
        level = self.envelope.level(time_s, held_s) * loudness
        table, low_octave, row_octaves = self._table(note_hz, round(loudness, 1))
        octave = np.log2(self._cutoff_hz(note_hz, loudness)) + self.sweep_octaves * np.exp(
            -time_s / self.sweep_s
        )
        row = np.clip((octave - low_octave) / row_octaves, 0, len(table) - 1)
        cycles = self._cycles(note_hz, time_s)
        sound = np.zeros((2, len(time_s)), np.float32)
        for ratio, phase, pan in zip(*self._spread(), strict=True):
            wave = read_table(table, cycles * ratio + phase, row)
            sound[0] += min(1.0, 1 - pan) * wave
            sound[1] += min(1.0, 1 + pan) * wave
        sound *= level / np.sqrt(self.n_voices)
        return sound

    def _cutoff_hz(self, note_hz: float, loudness: float) -> float:
        touch = self.touch_octaves * np.log2(max(loudness, 0.05))
        return float(self.cutoff_hz * (note_hz / 220) ** self.tracking * 2**touch)

    def _table(
        self, note_hz: float, loudness: float
    ) -> tuple[Float32[np.ndarray, "row phase"], float, float]:
        """The wave at every cutoff of a note; the lowest one's octave and the step, both log2."""
        return _cutoff_table(self, note_hz, loudness)

    def _cycles(self, note_hz: float, time_s: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
        if not self.vibrato_cents and not self.slide_cents:
            return time_s.astype(np.float64) * note_hz
        depth = self.vibrato_cents * np.clip(time_s / self.vibrato_delay_s - 0.5, 0, 1)
        cents = depth * np.sin(2 * np.pi * self.vibrato_hz * time_s)
        cents += self.slide_cents * np.exp(-time_s / self.slide_s)
        step = note_hz * np.exp2(cents / 1200) / SAMPLE_RATE
        return np.concatenate(([0.0], np.cumsum(step[:-1], dtype=np.float64)))

    def _spread(self) -> tuple[list[float], list[float], list[float]]:
        """Frequency ratio, phase and panorama of each voice."""
        rng = np.random.default_rng(self.seed)
        places = np.linspace(-1, 1, self.n_voices) if self.n_voices > 1 else np.zeros(1)
        ratios = 2 ** (places * self.detune_cents / 1200)
        phases = rng.random(self.n_voices)
        pans = self.width * np.where(np.arange(self.n_voices) % 2, -places, places)
        return ratios.tolist(), phases.tolist(), pans.tolist()


@lru_cache(maxsize=256)
def _cutoff_table(
    voice: SubtractiveVoice, note_hz: float, loudness: float
) -> tuple[Float32[np.ndarray, "row phase"], float, float]:
    cutoff = np.log2(voice._cutoff_hz(note_hz, max(loudness, 0.05)))
    ends = sorted((cutoff - 0.3, cutoff + voice.sweep_octaves + 0.3))
    low, high = np.clip(ends, np.log2(_LOWEST_CUTOFF_HZ), np.log2(2 * HIGHEST_HZ))
    n_rows = 2 + int((high - low) * _ROWS_PER_OCTAVE)
    cutoffs_hz = 2 ** np.linspace(low, max(high, low + 0.1), n_rows)
    table = filtered_table(
        note_hz, voice.wave, cutoffs_hz, resonance=voice.resonance, poles=voice.poles
    )
    return table, float(low), max(high - low, 0.1) / (n_rows - 1)
