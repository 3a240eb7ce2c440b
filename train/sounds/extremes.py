"""What music hardly is: silence, bare tones, noise, clicks. An autoencoder must know them too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from train.sounds.effects import equalize
from train.sounds.voices import SAMPLE_RATE, Stereo, add_circular, pitch_to_hz, seconds


def draw_extreme(n_samples: int, rng: np.random.Generator) -> Stereo:
    """One of them, as a loop."""
    makers: tuple[Callable[[int, np.random.Generator], Stereo], ...] = (
        _silence,
        _tones,
        _noise,
        _clicks,
        _one_note,
    )
    return makers[int(rng.integers(len(makers)))](n_samples, rng)


def _silence(n_samples: int, rng: np.random.Generator) -> Stereo:
    return np.zeros((2, n_samples), np.float32)


def _tones(n_samples: int, rng: np.random.Generator) -> Stereo:
    """Up to four sines of whole turns a loop, some only on one side."""
    place = np.arange(n_samples) / n_samples
    loop = np.zeros((2, n_samples))
    for _ in range(int(rng.integers(1, 5))):
        turns = round(n_samples / SAMPLE_RATE * pitch_to_hz(rng.uniform(24, 130)))
        level = 10 ** (rng.uniform(-50, 0) / 20)
        sides = np.array([[1.0], [1.0]]) if rng.random() < 0.7 else rng.random((2, 1))
        loop += 0.2 * level * sides * np.sin(2 * np.pi * turns * place)
    return loop.astype(np.float32)


def _noise(n_samples: int, rng: np.random.Generator) -> Stereo:
    """White to brown, equal or other on both sides."""
    own = rng.standard_normal((2, n_samples)).astype(np.float32)
    share = np.float32(rng.random())
    return equalize(0.1 * (share * own[:1] + (1 - share) * own), tilt_db=float(rng.uniform(-6, 1)))


def _clicks(n_samples: int, rng: np.random.Generator) -> Stereo:
    """Single samples, few or many, over silence or a faint noise."""
    floor = 10 ** (rng.uniform(-110, -60) / 20)
    loop = (floor * rng.standard_normal((2, n_samples))).astype(np.float32)
    for at in rng.integers(0, n_samples, int(rng.integers(1, 33))):
        loop[:, at] += rng.uniform(0.05, 0.9)
    return loop


def _one_note(n_samples: int, rng: np.random.Generator) -> Stereo:
    """A decaying tone in an otherwise silent loop."""
    time_s = seconds(rng.uniform(0.05, 2.0))
    hz = pitch_to_hz(rng.uniform(30, 100))
    tone = sum(np.sin(2 * np.pi * k * hz * time_s) / k for k in range(1, int(rng.integers(2, 9))))
    sound = 0.3 * tone * np.exp(-5 * time_s / time_s[-1]) * np.minimum(1, time_s / 0.002)
    loop = np.zeros((2, n_samples), np.float32)
    add_circular(loop, np.stack((sound, sound)), int(rng.integers(n_samples)))
    return loop
