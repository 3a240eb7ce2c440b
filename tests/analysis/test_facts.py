"""All the facts of a clip at once."""

import math

import pytest
import torch

from riffkit.analysis.facts import measure

RATE = 44_100


def test_a_pulsing_a_minor_chord() -> None:
    """Eight notes a bar at 120: pulses of A C E, 5 s, left and right alike."""
    time = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    chord = sum(torch.sin(2 * math.pi * hz * time) for hz in (220.0, 261.63, 329.63, 110.0))
    pulse = torch.exp(-8 * (time % 0.5))
    clip = (0.1 * chord * pulse).float().repeat(2, 1)
    facts = measure(clip, RATE)
    assert facts.seconds == 4
    assert facts.tempo_bpm == pytest.approx(120, rel=0.01)
    assert facts.tempo_confidence > 0.5
    assert facts.key == "A minor"
    assert 0 < facts.key_confidence <= 1
    assert facts.true_peak_dbfs == pytest.approx(20 * math.log10(clip.abs().max()), abs=0.2)
    assert -40 < facts.loudness_lufs < facts.true_peak_dbfs


@pytest.mark.parametrize("n_samples", [1, 441, 2 * RATE])
def test_silence_is_measured_too(n_samples) -> None:
    facts = measure(torch.zeros(1, n_samples), RATE)
    assert (facts.tempo_bpm, facts.tempo_confidence) == (None, 0)
    assert (facts.key, facts.key_confidence) == (None, 0)
    assert facts.loudness_lufs == facts.true_peak_dbfs == -math.inf


@pytest.mark.parametrize("n_samples", [1, 100, RATE])
def test_the_shortest_clips_can_be_measured(n_samples) -> None:
    noise = 0.1 * torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0))
    facts = measure(noise, RATE)
    assert facts.tempo_confidence < 0.1
    assert math.isfinite(facts.loudness_lufs)
