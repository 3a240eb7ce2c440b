"""Effects on a loop. All of them wrap round in time, so that a loop stays one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import fft

from train.sounds.voices import SAMPLE_RATE, Stereo


def equalize(
    loop: Stereo,
    *,
    low_cut_hz: float = 0.0,
    high_cut_hz: float | None = None,
    tilt_db: float = 0.0,
    bell_hz: float = 1_000.0,
    bell_db: float = 0.0,
) -> Stereo:
    """Cuts of 12 dB an octave, a tilt in dB an octave about 1 kHz, a bell of an octave's width."""
    n_samples = loop.shape[1]
    hz = np.maximum(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE), 1.0).astype(np.float32)
    octave = np.log2(hz / 1_000)
    gain = 10 ** (tilt_db * np.clip(octave, -4, 4) / 20)
    gain *= 10 ** (bell_db * np.exp(-((octave - np.log2(bell_hz / 1_000)) ** 2)) / 20)
    if low_cut_hz:
        gain /= 1 + (low_cut_hz / hz) ** 2
    if high_cut_hz is not None:
        gain /= 1 + (hz / high_cut_hz) ** 2
    return np.asarray(fft.irfft(fft.rfft(loop, axis=1) * gain, n_samples, axis=1), np.float32)


def overdrive(loop: Stereo, drive_db: float) -> Stereo:
    """A soft clipper that the loop's loud moments are driven into by `drive_db`; keeps its peak."""
    peak = max(float(np.abs(loop).max()), 1e-6)
    driven: Stereo = np.tanh(loop * np.float32(10 ** (drive_db / 20) / peak))
    return driven * np.float32(peak / max(float(np.abs(driven).max()), 1e-6))


def chorus(loop: Stereo, *, depth_ms: float, turns: int, wet: float) -> Stereo:
    """A copy whose delay swings, left against right, `turns` times a loop."""
    n_samples = loop.shape[1]
    place = np.arange(n_samples, dtype=np.float32)
    swing = 2 * np.pi * turns * place / n_samples
    mixed = [
        loop[side] + wet * _delayed(loop[side], depth_ms * (1.5 + np.sin(swing + np.pi * side / 2)))
        for side in (0, 1)
    ]
    return (np.stack(mixed) / (1 + 0.5 * wet)).astype(np.float32)


def tremolo(loop: Stereo, *, depth: float, turns: int) -> Stereo:
    """The loudness swings `turns` times a loop, down to 1 - depth."""
    place = np.arange(loop.shape[1], dtype=np.float32) / loop.shape[1]
    gain = 1 - depth * (0.5 - 0.5 * np.cos(2 * np.pi * turns * place))
    swung: Stereo = loop * gain
    return swung


def _delayed(
    channel: Float[np.ndarray, " sample"], delay_ms: Float[np.ndarray, " sample"]
) -> Float[np.ndarray, " sample"]:
    n_samples = len(channel)
    place = np.arange(n_samples) - delay_ms * (SAMPLE_RATE / 1000)
    before = np.floor(place)
    share = (place - before).astype(np.float32)
    at = before.astype(np.int64)
    sound: np.ndarray = channel[at % n_samples]
    return sound + share * (channel[(at + 1) % n_samples] - sound)
