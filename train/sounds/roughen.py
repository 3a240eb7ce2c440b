"""Renders made rough: what real recordings have and soundfonts lack.

Overdrive, noise, sweeps, halls and levelled loudness: the texture that the grain
(riffkit/models/grain.py) learns to draw. All is circular in time, so a loop stays one.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_OVERDRIVE_SHARE, _NOISE_SHARE, _SWEEP_SHARE = 0.6, 0.6, 0.25
_HALL_SHARE, _LEVELLED_SHARE = 0.4, 0.5


def roughen(
    waveform: Float[Tensor, "channel sample"], sample_rate: int, seed: int
) -> Float[Tensor, "channel sample"]:
    """The loop with some of all that, as `seed` has it, at its own loudness (RMS)."""
    chance = np.random.default_rng((seed, 0x2061))
    rms = waveform.square().mean().sqrt()
    rough = waveform / rms
    if chance.random() < _OVERDRIVE_SHARE:
        rough = _overdriven(rough, sample_rate, chance)
    if chance.random() < _NOISE_SHARE:
        rough = rough + _noise(rough, sample_rate, chance)
    if chance.random() < _SWEEP_SHARE:
        rough = rough + _sweep(rough, sample_rate, chance)
    if chance.random() < _HALL_SHARE:
        rough = _in_a_hall(rough, sample_rate, chance)
    if chance.random() < _LEVELLED_SHARE:
        rough = _levelled(rough, sample_rate, chance)
    rough = rough * (rms / rough.square().mean().sqrt())
    return rough / rough.abs().max().clamp(min=1.0)


def _overdriven(
    loop: Float[Tensor, "channel sample"], sample_rate: int, chance: np.random.Generator
) -> Float[Tensor, "channel sample"]:
    """A hot amplifier and its box: the lows kept out of it, clipped softly, the highs damped."""
    hot = _filtered(loop, sample_rate, low=chance.uniform(60, 400), high=20_000.0)
    gain = 10 ** (chance.uniform(0, 40) / 20)
    clipped = torch.tanh(gain * hot + chance.uniform(0, 0.5))
    clipped = clipped - clipped.mean(dim=-1, keepdim=True)
    box = _filtered(clipped, sample_rate, low=50.0, high=chance.uniform(3_000, 16_000))
    wet = chance.uniform(0.4, 1.0)
    return wet * box / box.square().mean().sqrt() + (1 - wet) * loop


def _noise(
    loop: Float[Tensor, "channel sample"], sample_rate: int, chance: np.random.Generator
) -> Float[Tensor, "channel sample"]:
    """Coloured noise, from a bed to a wall; some of it pumps with the loop's own loudness."""
    tilt = chance.uniform(-1.5, 0.5)  # amplitude ∝ frequency ** tilt
    low, high = chance.uniform(20, 1_000), chance.uniform(3_000, 20_000)
    generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
    white = torch.randn(loop.shape, generator=generator)
    share = chance.uniform(0, 1)  # of what both channels have alike
    white = share * white[:1] + (1 - share) * white
    noise = _filtered(white, sample_rate, low=low, high=high, tilt=tilt)
    if chance.random() < 0.5:
        noise = noise * _loudness(loop, sample_rate, seconds=chance.uniform(0.01, 0.2))
    level = 10 ** (chance.uniform(-45, -5) / 20)
    return level * noise / noise.square().mean().sqrt().clamp(min=1e-6)


def _sweep(
    loop: Float[Tensor, "channel sample"], sample_rate: int, chance: np.random.Generator
) -> Float[Tensor, "channel sample"]:
    """A saw tooth whose pitch glides there and back once or more, as sirens and risers do."""
    n_samples = loop.shape[-1]
    phase = torch.linspace(0, 2 * np.pi, n_samples + 1, dtype=torch.float64)[:-1]
    swing = 0.5 * (1 - torch.cos(phase * int(chance.integers(1, 5))))
    pitch = chance.uniform(60, 600) * 2 ** (chance.uniform(0.2, 4) * swing)
    cycles = torch.cumsum(pitch, dim=0) / sample_rate
    cycles = cycles * (cycles[-1].round().clamp(min=1) / cycles[-1])
    saw = sum(
        torch.sin(2 * np.pi * k * cycles) / k * (k * pitch < 0.45 * sample_rate)
        for k in range(1, 25)
    )
    assert isinstance(saw, Tensor)
    level = 10 ** (chance.uniform(-25, -5) / 20)
    return (level * saw / saw.square().mean().sqrt()).to(loop.dtype).expand_as(loop)


def _in_a_hall(
    loop: Float[Tensor, "channel sample"], sample_rate: int, chance: np.random.Generator
) -> Float[Tensor, "channel sample"]:
    """Echoes so many that they are noise, another in each channel, dying away in the dark."""
    generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
    seconds = torch.arange(loop.shape[-1]) / sample_rate
    decay = torch.exp(-seconds / chance.uniform(0.05, 0.8))
    echoes = torch.randn(loop.shape, generator=generator) * decay
    echoes = _filtered(echoes, sample_rate, low=100.0, high=chance.uniform(2_000, 12_000))
    spectra = torch.fft.rfft(loop) * torch.fft.rfft(echoes)
    hall = torch.fft.irfft(spectra, n=loop.shape[-1])
    wet = 10 ** (chance.uniform(-20, 0) / 20)
    return loop + wet * hall / hall.square().mean().sqrt().clamp(min=1e-6)


def _levelled(
    loop: Float[Tensor, "channel sample"], sample_rate: int, chance: np.random.Generator
) -> Float[Tensor, "channel sample"]:
    """A compressor: what is quiet made louder, by up to nine tenths of how much it is quieter."""
    loudness = _loudness(loop, sample_rate, seconds=chance.uniform(0.01, 0.3))
    floor = 10 ** (chance.uniform(-50, -20) / 20)
    return loop * (loudness + floor * loudness.max()) ** -chance.uniform(0.2, 0.9)


def _filtered(
    loop: Float[Tensor, "channel sample"],
    sample_rate: int,
    *,
    low: float,
    high: float,
    tilt: float = 0.0,
) -> Float[Tensor, "channel sample"]:
    """Twelve decibels an octave below `low` and above `high`, circular in time."""
    n_samples = loop.shape[-1]
    frequency = torch.fft.rfftfreq(n_samples, 1 / sample_rate).clamp(min=1.0)
    gain = (frequency / 1_000) ** tilt
    gain = gain / (1 + (low / frequency) ** 2) / (1 + (frequency / high) ** 2)
    return torch.fft.irfft(torch.fft.rfft(loop) * gain, n=n_samples)


def _loudness(
    loop: Float[Tensor, "channel sample"], sample_rate: int, *, seconds: float
) -> Float[Tensor, "1 sample"]:
    power = _filtered(loop.square().mean(0, keepdim=True), sample_rate, low=0.0, high=1 / seconds)
    return power.clamp(min=0).sqrt()
