"""Tempo of drum loops whose tempo is known."""

import math

import numpy as np
import pytest
import torch

from riffkit.analysis.onsets import hop_samples, onset_curve
from riffkit.analysis.tempo import tempo

RATE = 22_050
TEMPI = np.linspace(60, 180, 20)
# Sixteenths of a bar: kick, snare, hat.
PATTERNS = {
    "rock": ("x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "house": ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "boom bap": ("x..x......x.....", "....x.......x..x", "x.x.x.x.x.x.x.x."),
    "break": ("x.x.......xx....", "....x..x.x..x..x", "x.x.x.x.x.x.x.x."),
    "sparse": ("x.......x.......", "....x.......x...", "................"),
}


def _drum_loop(bpm: float, pattern: str, n_bars: int = 2, rate: int = RATE) -> torch.Tensor:
    """Bars of 4/4 as [1, sample]; what rings past the end rings on at the start."""
    n_samples = round(n_bars * 4 * 60 / bpm * rate)
    time = torch.arange(rate // 4) / rate
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(round(bpm)))
    kick = torch.sin(2 * math.pi * (50 * time + 6 * (1 - torch.exp(-time * 30))))
    snare = 0.5 * noise + 0.4 * torch.sin(2 * math.pi * 190 * time)
    sounds = [
        kick * torch.exp(-18 * time),
        snare * torch.exp(-25 * time),
        0.25 * noise.diff(prepend=noise[:1]) * torch.exp(-80 * time),
    ]
    loop = torch.zeros(n_samples)
    for sound, steps in zip(sounds, PATTERNS[pattern], strict=True):
        for step in [i for i, mark in enumerate(steps * n_bars) if mark == "x"]:
            start = round(step / 4 * 60 / bpm * rate)
            loop.index_add_(0, (start + torch.arange(len(sound))) % n_samples, sound)
    return 0.3 * loop[None]


def _octave_error(found_bpm: float, true_bpm: float) -> float:
    """How far a tempo is from the true one or its half or double, as a share."""
    octaves = math.log2(found_bpm / true_bpm)
    assert abs(octaves) < 1.5
    return abs(2 ** (octaves - round(octaves)) - 1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_twenty_tempi_of_two_bars(pattern) -> None:
    for bpm in TEMPI:
        found = tempo(_drum_loop(bpm, pattern), RATE)
        assert found is not None
        assert _octave_error(found.bpm, bpm) < 0.002, f"{bpm:.1f} taken for {found.bpm:.1f}"
        assert found.confidence > 0.2


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("bpm", [95.0, 110.0, 125.0])
def test_a_usual_tempo_is_given_in_its_own_octave(pattern, bpm) -> None:
    found = tempo(_drum_loop(bpm, pattern), RATE)
    assert found is not None
    assert found.bpm == pytest.approx(bpm, rel=0.002)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_the_sample_rate_does_not_matter(rate) -> None:
    found = tempo(_drum_loop(104.0, "rock", rate=rate), rate)
    assert found is not None
    assert found.bpm == pytest.approx(104, rel=0.002)


def test_a_long_clip_is_more_exact_than_its_onset_curve() -> None:
    found = tempo(_drum_loop(123.4, "rock", n_bars=16), RATE)
    assert found is not None
    assert found.bpm == pytest.approx(123.4, rel=0.0005)


def test_a_clip_that_is_no_loop_keeps_its_tempo() -> None:
    """9.3 s of a beat at 100, cut anywhere: 15.5 beats."""
    cut = _drum_loop(100.0, "rock", n_bars=5)[:, 3_000 : 3_000 + round(9.3 * RATE)]
    found = tempo(cut, RATE)
    assert found is not None
    assert _octave_error(found.bpm, 100) < 0.02


def test_silence_has_no_tempo() -> None:
    assert tempo(torch.zeros(2, RATE), RATE) is None


@pytest.mark.parametrize("n_samples", [1, 100, RATE, 5 * RATE])
def test_noise_is_not_believed(n_samples) -> None:
    """Repeated as a loop it is bound to be alike a turn later: that mustn't count."""
    noise = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0))
    found = tempo(noise, RATE)
    assert found is None or found.confidence < 0.1


def test_level_does_not_matter() -> None:
    loop = _drum_loop(90.0, "break")
    loud, soft = tempo(loop, RATE), tempo(loop * 1e-3, RATE)
    assert loud is not None
    assert soft is not None
    assert soft.bpm == pytest.approx(loud.bpm, rel=1e-4)


def test_the_onset_curve_peaks_where_sounds_begin() -> None:
    clip = torch.zeros(1, 4 * RATE)
    starts = torch.tensor([0.5, 1.3, 2.75]) * RATE
    for start in starts.long().tolist():
        burst = torch.exp(-torch.arange(5_000) / 1_000)
        clip[0, start : start + 5_000] += burst * torch.randn(
            5_000, generator=torch.Generator().manual_seed(start)
        )
    curve = onset_curve(clip, RATE)
    strongest = np.sort(np.argsort(curve)[-3:]) * hop_samples(RATE)
    assert np.abs(strongest - starts.numpy()).max() < 0.03 * RATE
