"""A drum machine in the manner of the 808 and the 909: tuned sweeps, noise and metal.

Each part of a kit is one short sound, made once for a clip and struck as the notes say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import signal

from riffkit.score.drums import PARTS
from riffkit.score.notes import Note
from train.sounds.voices import SAMPLE_RATE, Stereo, add_circular, seconds

Mono = Float[np.ndarray, " sample"]

_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # the 808's six oscillators
_NAMES = {pitch: name for name, pitch in PARTS.items()}
_TOM_HZ = {"floor": 75.0, "low": 95.0, "mid": 125.0, "high": 165.0}
_HAND_HZ = {"conga": 220.0, "tumba": 160.0, "bongo": 330.0}


@dataclass(frozen=True)
class DrumMachine:
    """A kit. `tune` scales all frequencies, `length` all decays, `hardness` 0 (808) to 1 (909)."""

    tune: float = 1.0
    length: float = 1.0
    hardness: float = 0.5
    width: float = 0.0
    seed: int = 0

    def play(self, notes: Iterable[Note], *, n_beats: int, n_samples: int) -> Stereo:
        """One turn of a loop; parts that a machine lacks are silent."""
        loop = np.zeros((2, n_samples), np.float32)
        hits: dict[int, Stereo] = {}
        for note in notes:
            if note.pitch not in hits:
                hits[note.pitch] = self.hit(note.pitch)
            start = round(note.start / n_beats * n_samples) % n_samples
            add_circular(loop, (note.velocity / 127) ** 1.5 * hits[note.pitch], start)
        return loop

    def hit(self, pitch: int) -> Stereo:
        """A part struck at full loudness."""
        name = _NAMES.get(pitch, "kick")
        rng = np.random.default_rng((self.seed, pitch))
        sound = self._part(name, rng)
        pan = self.width * float(rng.uniform(-1, 1)) * (name != "kick")
        sides = [min(1.0, 1 - pan) * sound, min(1.0, 1 + pan) * sound]
        return np.stack(sides).astype(np.float32)

    def _part(self, name: str, rng: np.random.Generator) -> Mono:
        if name in _TOM_HZ:
            return self._tom(_TOM_HZ[name], 0.25, rng)
        if name in _HAND_HZ:
            return self._tom(_HAND_HZ[name], 0.12, rng)
        makers: dict[str, Callable[[np.random.Generator], Mono]] = {
            "kick": self._kick,
            "snare": self._snare,
            "clap": self._clap,
            "rim": self._rim,
            "clave": self._rim,
            "cowbell": self._cowbell,
        }
        if name in makers:
            return makers[name](rng)
        decay_s = {"hat": 0.035, "pedal": 0.05, "open": 0.22, "shaker": 0.04, "tamb": 0.08}
        return self._metal(decay_s.get(name, 0.7), name in ("shaker", "tamb"), rng)

    def _kick(self, rng: np.random.Generator) -> Mono:
        decay_s = self.length * (0.45 - 0.3 * self.hardness) * rng.uniform(0.6, 1.6)
        time_s = seconds(5 * decay_s)
        drop = np.exp(-time_s / (0.012 + 0.02 * self.hardness))
        hz = self.tune * 48 * (1 + rng.uniform(2, 5) * drop)
        body = _swept(hz) * np.exp(-time_s / decay_s)
        click = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.002)
        return np.tanh((1 + 2 * self.hardness) * body) + self.hardness * 0.4 * click

    def _snare(self, rng: np.random.Generator) -> Mono:
        decay_s = self.length * rng.uniform(0.06, 0.16)
        time_s = seconds(6 * decay_s)
        body = np.zeros_like(time_s)
        for hz, level in ((185, 1.0), (330, 0.6)):
            bend = 1 + 0.4 * np.exp(-time_s / 0.01)
            body += level * _swept(self.tune * hz * bend) * np.exp(-time_s / (0.6 * decay_s))
        wires = _band(rng.standard_normal(len(time_s)), 1_200 * self.tune, 12_000.0)
        return 0.5 * body + rng.uniform(0.4, 1.0) * wires * np.exp(-time_s / decay_s)

    def _clap(self, rng: np.random.Generator) -> Mono:
        decay_s = self.length * rng.uniform(0.05, 0.14)
        time_s = seconds(0.03 + 6 * decay_s)
        level = np.exp(-np.maximum(time_s - 0.03, 0) / decay_s) * (time_s >= 0.03)
        for start in (0.0, 0.01, 0.02):
            level += np.exp(-np.maximum(time_s - start, 0) / 0.003) * (time_s >= start)
        return _band(rng.standard_normal(len(time_s)), 700 * self.tune, 4_000.0) * level

    def _rim(self, rng: np.random.Generator) -> Mono:
        time_s = seconds(0.08)
        hz = self.tune * rng.uniform(1_200, 2_600)
        both = np.sin(2 * np.pi * hz * time_s) + np.sin(2 * np.pi * 0.47 * hz * time_s)
        return both * np.exp(-time_s / 0.012)

    def _cowbell(self, rng: np.random.Generator) -> Mono:
        time_s = seconds(0.5 * self.length)
        both = np.zeros_like(time_s)
        for hz in (540.0, 800.0):
            both += _soft_square(hz * self.tune, time_s)
        return _band(both, 400.0, 6_000.0) * np.exp(-time_s / (0.1 * self.length))

    def _tom(self, hz: float, decay_s: float, rng: np.random.Generator) -> Mono:
        time_s = seconds(6 * decay_s * self.length)
        bend = 1 + rng.uniform(0.2, 0.8) * np.exp(-time_s / 0.04)
        skin = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.008)
        tone = _swept(hz * self.tune * bend) * np.exp(-time_s / (decay_s * self.length))
        return tone + 0.15 * skin

    def _metal(self, decay_s: float, noisy: bool, rng: np.random.Generator) -> Mono:
        """Hats, rides, crashes: six squares or noise, above some 7 kHz."""
        decay_s = decay_s * self.length * rng.uniform(0.7, 1.4)
        time_s = seconds(min(6 * decay_s, 4.0))
        noise = rng.standard_normal(len(time_s))
        if not noisy:
            squares = sum(_soft_square(hz * self.tune, time_s) for hz in _METAL_HZ)
            noise = (1 - self.hardness) * squares + (0.3 + self.hardness) * noise
        bright = _band(noise, rng.uniform(4_000, 8_000), 18_000.0)
        return bright * np.exp(-time_s / decay_s)


def _swept(hz: Float[np.ndarray, " sample"]) -> Mono:
    return np.sin(2 * np.pi * np.cumsum(hz, dtype=np.float64) / SAMPLE_RATE)


def _soft_square(hz: float, time_s: Float[np.ndarray, " sample"]) -> Mono:
    return np.tanh(6 * np.sin(2 * np.pi * hz * time_s))


def _band(sound: Mono, low_hz: float, high_hz: float) -> Mono:
    edges = [min(low_hz, 15_000), min(high_hz, 20_000)]
    sections = signal.butter(2, edges, "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, sound))
