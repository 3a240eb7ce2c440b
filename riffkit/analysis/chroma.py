"""How much of each of the twelve pitch classes a clip contains."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from riffkit.audio.resampling import resample

_RATE = 11_025
_N_FFT = 4_096
_HOP_SAMPLES = 1_102
_MIN_HZ, _MAX_HZ = 55.0, 2_000.0
_PEAK_FLOOR = 0.02
_N_HARMONICS = 4
_HARMONIC_DECAY = 0.6
_BLOCK_FRAMES = 1_024
_A4_MIDI, _A4_HZ = 69, 440.0


def chroma(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[np.ndarray, " pitch_class"]:
    """The share of each pitch class in a clip, from C to B; their sum is 1, or 0 for silence.

    The spectrum's peaks between 55 and 2,000 Hz, tuned to the clip's own concert pitch. Each counts
    for its own pitch, and less and less for those of which it may be the second, third or fourth
    harmonic (Gómez, "Tonal description of polyphonic audio", 2006). Every frame is weighted by the
    square root of its level, so that soft parts count too.
    """
    return chroma_in_tune(waveform, sample_rate)[0]


def chroma_in_tune(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> tuple[Float[np.ndarray, " pitch_class"], float]:
    """`chroma`, and how much of the clip is in tune with itself: 1 if all peaks lie whole semitones
    apart, near 0 for noise, whose peaks lie anywhere.
    """
    shares, in_tune = _heard(waveform, sample_rate, 1)
    return (shares[0] / shares.sum() if shares.any() else shares[0]), in_tune


def chroma_steps(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, n_steps: int
) -> Float[np.ndarray, "step pitch_class"]:
    """How much of each pitch class sounds in each of `n_steps` equal parts of a clip."""
    return _heard(waveform, sample_rate, n_steps)[0]


def _heard(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, n_steps: int
) -> tuple[Float[np.ndarray, "step pitch_class"], float]:
    """The pitch classes of each step, and how much is in tune."""
    mono = resample(waveform.mean(0, keepdim=True), sample_rate, _RATE)[0]
    frame, midi, weight = _spectral_peaks(mono)
    shares = np.zeros(12 * n_steps)
    if not len(midi):
        return shares.reshape(n_steps, 12), 0.0
    tuning_semitones, in_tune = _tuning(midi, weight)
    midi = midi - tuning_semitones
    step = np.minimum((frame * _HOP_SAMPLES * n_steps) // max(1, len(mono)), n_steps - 1)
    for harmonic in range(1, _N_HARMONICS + 1):
        pitch = midi - 12 * math.log2(harmonic)
        nearest = np.round(pitch)
        nearness = np.cos(np.pi * (pitch - nearest)) ** 2
        share = weight * nearness * _HARMONIC_DECAY ** (harmonic - 1)
        place = 12 * step + nearest.astype(int) % 12
        shares += np.bincount(place, share, minlength=12 * n_steps)
    return shares.reshape(n_steps, 12), in_tune


def _spectral_peaks(
    mono: Float[Tensor, " sample"],
) -> tuple[Int[np.ndarray, " peak"], Float[np.ndarray, " peak"], Float[np.ndarray, " peak"]]:
    """The frame, the pitch (MIDI, with fractions) and the weight of every peak."""
    padded = torch.nn.functional.pad(mono, (_N_FFT // 2, _N_FFT // 2))
    frames = padded.unfold(-1, _N_FFT, _HOP_SAMPLES)
    window = torch.blackman_window(_N_FFT)
    found = []
    for index, block in enumerate(torch.split(frames, _BLOCK_FRAMES)):
        frame, midi, weight = _peaks_of(torch.fft.rfft(block * window).abs().numpy())
        found.append((frame + index * _BLOCK_FRAMES, midi, weight))
    frame, midi, weight = (np.concatenate(part) for part in zip(*found, strict=True))
    return frame, midi, weight


def _peaks_of(
    spectrum: Float[np.ndarray, "frame bin"],
) -> tuple[Int[np.ndarray, " peak"], Float[np.ndarray, " peak"], Float[np.ndarray, " peak"]]:
    first, last = (round(hz * _N_FFT / _RATE) for hz in (_MIN_HZ, _MAX_HZ))
    here, below, above = (spectrum[:, first + k : last + k] for k in (0, -1, 1))
    loudest = spectrum[:, first:last].max(-1, keepdims=True)
    is_peak = (here > below) & (here >= above) & (here > _PEAK_FLOOR * loudest)
    frame, offset = np.nonzero(is_peak)
    low, middle, high = (np.log(part[is_peak] + 1e-12) for part in (below, here, above))
    # The vertex of the parabola through the three logarithms: the peak between the bins.
    vertex = 0.5 * (low - high) / np.minimum(low - 2 * middle + high, -1e-9)
    hz = (first + offset + vertex) * _RATE / _N_FFT
    midi = _A4_MIDI + 12 * np.log2(hz / _A4_HZ)
    weight = here[is_peak] / np.sqrt(loudest[frame, 0])
    return frame, midi, weight


def _tuning(
    midi: Float[np.ndarray, " peak"], weight: Float[np.ndarray, " peak"]
) -> tuple[float, float]:
    """How far the clip is tuned above A = 440 Hz, from -0.5 to 0.5 semitones, and how far its peaks
    agree on that, from 0 to 1.
    """
    total = np.sum(weight * np.exp(2j * np.pi * midi))
    return float(np.angle(total) / (2 * np.pi)), float(abs(total) / weight.sum())
