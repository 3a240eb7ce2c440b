"""A score as a guide: where its partials and hits lie, without an instrument's sound.

A pitched note is a sawtooth, all partials by 1/n, with a plain envelope; a drum is noise in the
band of its part. Drawn in the same image as the music, each lies where the music's own partials
and hits will lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import signal

from riffkit.score.drums import PARTS
from riffkit.score.notes import Note, Track
from train.sounds.envelope import Envelope
from train.sounds.voices import SAMPLE_RATE, Stereo, add_circular, play_loop, seconds
from train.sounds.wavetable import filtered_table, read_table

_ENVELOPE = Envelope(attack_s=0.004, decay_s=2.0, sustain=0.3, release_s=0.03)
_ANY_CUTOFF_HZ = np.array([1e6])
_BANDS: dict[str, tuple[float, float, float]] = {
    "kick": (40, 160, 0.1),
    "snare": (180, 7_000, 0.08),
    "rim": (900, 5_000, 0.02),
    "clap": (700, 6_000, 0.08),
    "hat": (7_000, 18_000, 0.03),
    "pedal": (6_000, 16_000, 0.03),
    "open": (6_000, 18_000, 0.2),
    "ride": (4_000, 16_000, 0.3),
    "bell": (3_000, 14_000, 0.3),
    "crash": (3_000, 18_000, 0.6),
    "low": (90, 400, 0.15),
    "mid": (120, 500, 0.15),
    "high": (160, 700, 0.15),
    "floor": (70, 300, 0.18),
    "tamb": (5_000, 16_000, 0.06),
    "cowbell": (500, 4_000, 0.1),
    "shaker": (4_000, 14_000, 0.04),
    "clave": (1_800, 4_000, 0.02),
    "conga": (180, 1_500, 0.1),
    "tumba": (140, 1_200, 0.12),
    "bongo": (250, 2_500, 0.07),
}
"""Of each part of the drums: the band (lowest and highest hertz) and the time constant (s)."""


@dataclass(frozen=True)
class GuideVoice:
    """A sawtooth that only fades a little."""

    def play(self, note_hz: float, held_s: float, loudness: float) -> Stereo:
        time_s = seconds(_ENVELOPE.sounding_s(held_s))
        table = filtered_table(note_hz, "saw", _ANY_CUTOFF_HZ)
        wave = read_table(table, time_s.astype(np.float64) * note_hz)
        sound = (0.4 * loudness * _ENVELOPE.level(time_s, held_s) * wave).astype(np.float32)
        return np.stack((sound, sound))


def draw_guide(tracks: Iterable[Track], *, n_beats: int, n_samples: int) -> Stereo:
    """The guide of all `tracks` together, as one turn of a loop."""
    loop = np.zeros((2, n_samples), np.float32)
    for track in tracks:
        if track.is_drums:
            _strike(loop, track.notes, n_beats)
        else:
            loop += play_loop(track.notes, GuideVoice(), n_beats=n_beats, n_samples=n_samples)
    return loop


def _strike(loop: Stereo, notes: Iterable[Note], n_beats: int) -> None:
    n_samples = loop.shape[1]
    names = {pitch: name for name, pitch in PARTS.items()}
    for note in notes:
        hit = _hit(names.get(note.pitch, "kick")) * np.float32(note.velocity / 127)
        add_circular(loop, hit, round(note.start / n_beats * n_samples) % n_samples)


def _hit(name: str) -> Stereo:
    low_hz, high_hz, decay_s = _BANDS[name]
    time_s = seconds(6 * decay_s)
    noise = np.random.default_rng(PARTS[name]).standard_normal(len(time_s))
    sections = signal.butter(2, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
    sound = signal.sosfilt(sections, noise) * np.exp(-time_s / decay_s)
    sound = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return np.stack((sound, sound))
