"""Tiny recordings for the tests of datasets: clicks and tones at a known tempo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 44_100


def bars(
    *, bpm: float = 120.0, n_bars: int = 8, lead: float = 0.0, seed: int = 0, root_hz: float = 220.0
) -> np.ndarray:
    """Float "sample 2": a click a beat, a bass drum a bar, and a tune of random notes."""
    rng = np.random.default_rng(seed)
    beat = 60 / bpm
    n_samples = round((lead + n_bars * 4 * beat) * RATE)
    sound = np.zeros(n_samples)
    for k in range(n_bars * 4):
        at = round((lead + k * beat) * RATE)
        time = np.arange(min(round(beat * RATE), n_samples - at)) / RATE
        click = rng.standard_normal(len(time)) * np.exp(-time * 90) * 0.3
        note = root_hz * 2 ** (rng.choice([0, 3, 7, 10, 12, 15]) / 12)
        tone = 0.2 * np.sin(2 * np.pi * note * time) * np.exp(-time * 3)
        drum = 0.8 * np.sin(2 * np.pi * 60 * time) * np.exp(-time * 18) if k % 4 == 0 else 0
        sound[at : at + len(time)] += click + tone + drum
    side = 0.05 * np.sin(2 * np.pi * 3_000 * np.arange(n_samples) / RATE)
    return np.stack([sound + side, sound - side], 1) * 0.5


def write(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound.astype(np.float32), rate)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
