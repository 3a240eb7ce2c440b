"""Sample rate conversion asserts sound: levels at frequencies, lengths, loops that stay loops."""

import math

import pytest
import torch

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError


def _tones(n_samples: int, cycles: list[int], phase: float = 0.3) -> torch.Tensor:
    """A loop of sines with a whole number of cycles each, in float64: [1, sample]."""
    time = torch.arange(n_samples, dtype=torch.float64) / n_samples
    return sum(torch.sin(2 * math.pi * c * time + phase * c) for c in cycles)[None]


def _db(power_ratio: torch.Tensor) -> float:
    return 10 * math.log10(float(power_ratio) + 1e-30)


def _error_db(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return _db((actual - expected).square().mean() / expected.square().mean())


def _level_db(waveform: torch.Tensor, hz: float, rate: int) -> float:
    """The level of the sine at `hz` in dB re a full-scale sine, by a Blackman-windowed sum."""
    n = waveform.shape[-1]
    window = torch.blackman_window(n, dtype=torch.float64)
    turn = torch.exp(-2j * math.pi * hz / rate * torch.arange(n, dtype=torch.float64))
    amplitude = 2 * (waveform[0].double() * window * turn).sum().abs() / window.sum()
    return 20 * math.log10(float(amplitude) + 1e-15)


@pytest.mark.parametrize(
    ("n_in", "n_out"),
    [
        (225_792, 226_304),
        (183_330, 184_320),
        (184_320, 183_330),
        (10_007, 10_009),
        (10_009, 10_007),
        (999, 1_000),
        (1_000, 999),
        (1_000, 1_002),
        (4_410, 441),
    ],
)
def test_a_period_becomes_the_band_limited_period(n_in: int, n_out: int) -> None:
    cycles = [1, 7, 50, min(n_in, n_out) // 3, min(n_in, n_out) // 2 - 1]
    resampled = resample(_tones(n_in, cycles).float(), 1, 1, n_samples=n_out, circular=True)
    assert resampled.shape == (1, n_out)
    assert _error_db(resampled.double(), _tones(n_out, cycles)) < -120


@pytest.mark.parametrize(("n_in", "n_out"), [(960, 1_280), (1_280, 960), (963, 1_284), (4, 8)])
def test_turning_the_loop_in_turns_the_loop_out(n_in: int, n_out: int) -> None:
    loop = torch.randn(2, n_in, generator=torch.Generator().manual_seed(1))
    step = math.gcd(n_in, n_out)
    shift_in, shift_out = n_in // step, n_out // step
    resampled = resample(loop, 44_100, 44_100, n_samples=n_out, circular=True)
    turned = resample(loop.roll(shift_in, -1), 44_100, 44_100, n_samples=n_out, circular=True)
    assert _error_db(turned, resampled.roll(shift_out, -1)) < -120


@pytest.mark.parametrize("n_in", [1_000, 1_001, 10_007, 2, 1])
def test_a_loop_comes_back_from_a_longer_one(n_in: int) -> None:
    loop = torch.randn(2, n_in, generator=torch.Generator().manual_seed(2))
    there = resample(loop, 1, 1, n_samples=n_in + 37, circular=True)
    back = resample(there, 1, 1, n_samples=n_in, circular=True)
    assert _error_db(back, loop) < -120


def test_an_alternating_loop_keeps_its_nyquist_amplitude() -> None:
    """(1, -1, 1, -1 …) is a cosine at Nyquist: twice as many samples show its zeros between."""
    loop = torch.tensor([[1.0, -1.0] * 8])
    expected = torch.tensor([[1.0, 0.0, -1.0, 0.0] * 8])
    assert torch.allclose(resample(loop, 1, 2, circular=True), expected, atol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_channels_do_not_mix(n_channels: int) -> None:
    channels = torch.cat([_tones(1_000, [5 + c]) for c in range(n_channels)]).float()
    together = resample(channels, 1, 1, n_samples=1_117, circular=True)
    expected = torch.cat([_tones(1_117, [5 + c]) for c in range(n_channels)])
    assert _error_db(together, expected) < -120


def test_a_tone_keeps_its_level_and_its_pitch() -> None:
    tone = torch.sin(2 * math.pi * 1_000 / 48_000 * torch.arange(48_000, dtype=torch.float64))
    resampled = resample(0.5 * tone[None].float(), 48_000, 44_100)
    assert resampled.shape == (1, 44_100)
    assert _level_db(resampled, 1_000, 44_100) == pytest.approx(-6.02, abs=0.01)
    assert _level_db(resampled, 1_300, 44_100) < -100


def test_what_the_new_rate_cannot_hold_does_not_fold_back() -> None:
    """15 kHz at 48 kHz would appear at 7.05 kHz after naive decimation to 22.05 kHz."""
    tone = torch.sin(2 * math.pi * 15_000 / 48_000 * torch.arange(48_000, dtype=torch.float64))
    resampled = resample(tone[None].float(), 48_000, 22_050)
    assert _level_db(resampled, 22_050 - 15_000, 22_050) < -100


@pytest.mark.parametrize("n_samples", [90, 100, 300])
def test_the_length_asked_for_is_the_length_given(n_samples: int) -> None:
    resampled = resample(torch.ones(2, 100), 44_100, 88_200, n_samples=n_samples)
    assert resampled.shape == (2, n_samples)


def test_the_same_rate_changes_nothing() -> None:
    clip = torch.randn(2, 500)
    assert torch.equal(resample(clip, 44_100, 44_100), clip)


@pytest.mark.parametrize(
    ("rates", "n_samples", "name"),
    [((0, 1), None, "from_rate"), ((1, math.nan), None, "to_rate"), ((1, 1), 0, "n_samples")],
)
def test_a_useless_rate_or_length_is_named(rates, n_samples, name) -> None:
    with pytest.raises(ParameterError, match=name):
        resample(torch.ones(1, 10), *rates, n_samples=n_samples)
