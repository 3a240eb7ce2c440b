"""Keys of cadences whose key is known."""

import math

import numpy as np
import pytest
import torch

from riffkit.analysis.chroma import chroma, chroma_in_tune
from riffkit.analysis.key import MAJOR, MINOR, chroma_to_key, key

RATE = 22_050
MAJOR_KEYS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
MINOR_KEYS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"]
# Chords as (root, third) above the tonic: I-IV-V-I and I-vi-ii-V; i-iv-V-i and i-VI-iv-V.
CADENCES = {
    "major": [[(0, 4), (5, 4), (7, 4), (0, 4)], [(0, 4), (9, 3), (2, 3), (7, 4)]],
    "minor": [[(0, 3), (5, 3), (7, 4), (0, 3)], [(0, 3), (8, 4), (5, 3), (7, 4)]],
}


def _note(midi: float, seconds: float = 0.6) -> torch.Tensor:
    """A plucked note of twelve harmonics."""
    time = torch.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((midi - 69) / 12)
    tone = sum(torch.sin(2 * math.pi * hz * h * time + h) / h for h in range(1, 13))
    return tone * torch.exp(-1.5 * time) * (100 * time).clamp(max=1)


def _cadence(tonic: int, chords: list[tuple[int, int]], cents: float = 0) -> torch.Tensor:
    """A bass note and a triad for each chord: [1, sample]."""
    played = []
    for root, third in chords:
        pitches = [36 + tonic + root, *(60 + (tonic + root + k) % 12 for k in (0, third, 7))]
        played.append(sum(_note(pitch + cents / 100) for pitch in pitches))
    return torch.cat(played)[None]


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("cadence", [0, 1])
def test_cadences_in_all_keys(mode, cadence) -> None:
    names = MAJOR_KEYS if mode == "major" else MINOR_KEYS
    for tonic, name in enumerate(names):
        found = key(_cadence(tonic, CADENCES[mode][cadence]), RATE)
        assert found is not None
        assert found.name == f"{name} {mode}"
        assert found.is_clear


@pytest.mark.parametrize("cents", [-45, -20, 30, 45])
def test_a_clip_tuned_off_440_keeps_its_key(cents) -> None:
    for tonic in (0, 4, 9):
        found = key(_cadence(tonic, CADENCES["minor"][0], cents), RATE)
        assert found is not None
        assert found.name == f"{MINOR_KEYS[tonic]} minor"


@pytest.mark.parametrize(("profile", "mode"), [(MAJOR, "major"), (MINOR, "minor")])
def test_a_profile_is_its_own_key(profile, mode) -> None:
    for semitones, name in enumerate(MAJOR_KEYS if mode == "major" else MINOR_KEYS):
        assert chroma_to_key(np.roll(profile, semitones)).name == f"{name} {mode}"


@pytest.mark.parametrize("midi", [45, 57, 62, 70, 83])
def test_a_sine_is_one_pitch_class(midi) -> None:
    time = torch.arange(RATE) / RATE
    tone = torch.sin(2 * math.pi * 440 * 2 ** ((midi - 69) / 12) * time)[None]
    shares = chroma(tone, RATE)
    assert shares.argmax() == midi % 12
    assert shares.sum() == pytest.approx(1)


def test_the_sample_rate_and_the_level_do_not_matter() -> None:
    time = torch.arange(48_000) / 48_000
    chord = sum(torch.sin(2 * math.pi * hz * time) for hz in (261.63, 329.63, 392.0))[None]
    shares = chroma(chord, 48_000)
    assert set(np.argsort(shares)[-3:]) == {0, 4, 7}
    assert np.abs(chroma(1e-3 * chord, 48_000) - shares).max() < 0.01


def test_silence_has_no_key() -> None:
    assert key(torch.zeros(2, RATE), RATE) is None


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_noise_is_in_no_key(slope: float) -> None:
    """White, pink and brown, and of 1 s to 8 s."""
    for seed in range(4):
        n_samples = RATE * 2**seed
        noise = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(seed))
        spectrum = torch.fft.rfft(noise) / torch.arange(n_samples // 2 + 1).clamp(min=1) ** slope
        found = key(0.1 * torch.fft.irfft(spectrum, n=n_samples), RATE)
        assert found is not None
        assert not found.is_clear


def test_a_chord_is_in_tune_and_noise_is_not() -> None:
    chord = _cadence(2, CADENCES["major"][0], cents=30)
    noise = torch.randn(1, 2 * RATE, generator=torch.Generator().manual_seed(0))
    assert chroma_in_tune(chord, RATE)[1] > 0.8
    assert chroma_in_tune(noise, RATE)[1] < 0.1
