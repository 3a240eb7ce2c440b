"""The mix of a loop: levels, panorama, ducking, room, tape. Everything wraps round in time."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import fft

from riffkit.score.drums import PARTS
from riffkit.score.notes import Mix, Score, Track

_PEAK = 0.891  # -1 dBFS
_LOUDNESS = 0.126  # -18 dBFS
_KICKS = (35, PARTS["kick"])


def mix_down(
    dry: Sequence[Float[np.ndarray, "2 sample"]], score: Score, sample_rate: int
) -> Float[np.ndarray, "2 sample"]:
    """Tracks as the soundfont gives them to one loop at about -18 dBFS, peak at most -1 dBFS."""
    n_samples = dry[0].shape[1]
    bus = np.zeros((2, n_samples), np.float32)
    send = np.zeros_like(bus)
    duck = _duck(score, n_samples, sample_rate)
    for waveform, track in zip(dry, score.tracks, strict=True):
        placed = _place(waveform, track, sample_rate)
        if not track.is_drums:
            placed = placed * duck
        bus += placed
        send += placed * track.send
    wet = _reverb_and_tone(bus, send, score.mix, sample_rate)
    wet += _crackle(score, n_samples, sample_rate)
    gain = _LOUDNESS / max(float(np.sqrt(np.mean(wet**2))), 1e-5)
    return (wet * min(gain, _PEAK / max(float(np.abs(wet).max()), 1e-5))).astype(np.float32)


def _place(
    waveform: Float[np.ndarray, "2 sample"], track: Track, sample_rate: int
) -> Float[np.ndarray, "2 sample"]:
    """Bring the loud moments of a track to its level, and pan it by balance (louder side kept)."""
    gain = 10 ** (track.level_db / 20) / max(_loud_rms(waveform, sample_rate), 1e-5)
    left, right = min(1.0, 1 - track.pan), min(1.0, 1 + track.pan)
    placed: np.ndarray = waveform * (gain * np.array([[left], [right]], np.float32))
    return placed


def _loud_rms(waveform: Float[np.ndarray, "2 sample"], sample_rate: int) -> float:
    """RMS of 50 ms windows, each weighted by its own power, so that rests hardly count."""
    window = sample_rate // 20
    n_windows = max(1, waveform.shape[1] // window)
    cut = waveform[:, : n_windows * window].reshape(2, n_windows, -1)
    power = np.mean(cut**2, axis=(0, 2), dtype=np.float64)
    return float(np.sqrt(np.sum(power**2) / max(float(np.sum(power)), 1e-12)))


def _duck(score: Score, n_samples: int, sample_rate: int) -> Float[np.ndarray, " sample"]:
    """A gain that dips at every kick and is back within a beat's third (side-chain pumping)."""
    gain = np.ones(n_samples, np.float32)
    length = min(n_samples, int(0.35 * 60 / score.bpm * sample_rate))
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    attack = np.minimum(1.0, np.arange(length, dtype=np.float32) / (0.004 * sample_rate))
    dip = 1 - score.mix.duck * attack * (1 - ramp) ** 1.5
    for track in score.tracks:
        for note in track.notes if track.is_drums else ():
            if note.pitch in _KICKS:
                start = round(note.start / score.n_beats * n_samples)
                at = np.arange(start, start + length) % n_samples
                gain[at] = np.minimum(gain[at], dip)
    return gain


def _reverb_and_tone(
    bus: Float[np.ndarray, "2 sample"],
    send: Float[np.ndarray, "2 sample"],
    mix: Mix,
    sample_rate: int,
) -> Float[np.ndarray, "2 sample"]:
    """Circular convolution of the sends with the room, and the style's low-pass, in one transform.

    The loop is convolved at its own length, which makes the room wrap; scipy's FFT is quick for
    any length.
    """
    n_samples = bus.shape[1]
    room = fft.rfft(_room(mix.reverb_s, n_samples, sample_rate), axis=1)
    spectrum = fft.rfft(bus, axis=1) + fft.rfft(send, axis=1) * room
    if mix.lowpass_hz is not None:
        hz = np.fft.rfftfreq(n_samples, 1 / sample_rate)
        spectrum /= np.sqrt(1 + (hz / mix.lowpass_hz) ** 6)
    return np.asarray(fft.irfft(spectrum, n_samples, axis=1), np.float32)


@functools.lru_cache(maxsize=4)
def _noise(n_samples: int) -> Float[np.ndarray, "2 sample"]:
    return np.random.default_rng(1961).standard_normal((2, n_samples)).astype(np.float32)


def _room(seconds: float, n_samples: int, sample_rate: int) -> Float[np.ndarray, "2 sample"]:
    """Impulse of a room: decaying stereo noise (-60 dB after `seconds`), dull, folded into a loop.

    Its energy is one, so that the send alone says how loud the room is.
    """
    length = int(seconds * 1.1 * sample_rate)
    time = np.arange(length) / sample_rate
    noise = _noise(4 * sample_rate)[:, :length]
    dull = np.empty_like(noise)
    dull[:, 0], dull[:, 1:] = noise[:, 0], 0.5 * (noise[:, 1:] + noise[:, :-1])
    impulse = dull * np.exp(-6.9 * time / seconds) * np.minimum(1, time / 0.012)
    folded = np.zeros((2, -(-length // n_samples) * n_samples))
    folded[:, :length] = impulse
    folded = folded.reshape(2, -1, n_samples).sum(axis=1)
    unit: np.ndarray = folded / np.sqrt(np.sum(folded**2, axis=1, keepdims=True))
    return unit


def _crackle(score: Score, n_samples: int, sample_rate: int) -> Float[np.ndarray, "2 sample"]:
    """Vinyl: a faint hiss and some ten clicks a second, from the score's seed."""
    amount = score.mix.crackle
    if not amount:
        return np.zeros((2, n_samples), np.float32)
    rng = np.random.default_rng(score.facts.seed)
    noise = rng.standard_normal((2, n_samples)) * 0.0008 * amount
    clicks = rng.integers(0, n_samples, int(10 * n_samples / sample_rate))
    noise[:, clicks] += rng.normal(0, 0.03 * amount, clicks.size)
    return noise.astype(np.float32)
