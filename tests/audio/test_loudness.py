"""Loudness and peak promises, in LUFS and dB."""

import math

import pytest
import torch

from riffkit.audio.limiter import limiter_gain, true_peaks
from riffkit.audio.loudness import integrated_lufs, loudness_gain, peak_gain, true_peak_dbfs

RATE = 44_100


def _sine(hz: float, dbfs: float, seconds: float = 4.0, rate: int = RATE) -> torch.Tensor:
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (10 ** (dbfs / 20) * torch.sin(2 * math.pi * hz * time)).float()[None]


def _drums(seconds: float, decay_ms: float, seed: int = 0) -> torch.Tensor:
    """Decaying bursts of noise twice a second over a soft bed: [2, sample]."""
    generator = torch.Generator().manual_seed(seed)
    n_samples = round(seconds * RATE)
    since_beat = torch.arange(n_samples) % (RATE // 2) / RATE
    envelope = torch.exp(-since_beat / (decay_ms / 1000)) + 0.15
    return 0.1 * envelope * torch.randn(2, n_samples, generator=generator)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("dbfs", [-23.0, -33.0])
def test_a_stereo_sine_at_minus_23_dbfs_is_minus_23_lufs(rate, dbfs) -> None:
    """EBU Tech 3341, test signals 1 and 2: within 0.1 LU."""
    stereo = _sine(1_000, dbfs, rate=rate).repeat(2, 1)
    assert integrated_lufs(stereo, rate) == pytest.approx(dbfs, abs=0.1)
    assert integrated_lufs(stereo[:1], rate) == pytest.approx(dbfs - 3.01, abs=0.1)


@pytest.mark.parametrize("n_samples", [441, 4_410, 17_639])
def test_a_short_clip_is_measured_as_if_repeated(n_samples) -> None:
    tone = _sine(1_000, -20).repeat(2, 1)
    assert integrated_lufs(tone[:, :n_samples], RATE) == pytest.approx(-20, abs=0.15)


def test_silence_has_no_loudness_and_no_peak() -> None:
    assert integrated_lufs(torch.zeros(2, 1_000), RATE) == -math.inf
    assert true_peak_dbfs(torch.zeros(2, 1_000)) == -math.inf


def test_the_true_peak_is_between_the_samples() -> None:
    """A sine at a quarter of the rate, sampled at 45° each time, shows only 0.707 of itself."""
    n = torch.arange(4_000, dtype=torch.float64)
    loop = torch.sin(math.pi / 2 * n + math.pi / 4).float()[None]
    assert 20 * math.log10(loop.max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbfs(loop, circular=True) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("gain_db", [-40.0, 0.0, 10.0])
def test_music_comes_to_minus_16_lufs_under_minus_1_dbtp(circular, gain_db) -> None:
    clip = 10 ** (gain_db / 20) * _drums(5.0, decay_ms=40)
    normalized = clip * loudness_gain(clip, RATE, circular=circular)
    assert normalized.shape == clip.shape
    assert normalized.dtype == torch.float32
    assert integrated_lufs(normalized, RATE) == pytest.approx(-16, abs=0.1)
    assert true_peak_dbfs(normalized, circular=circular) <= -1.0


def test_this_clip_needs_the_limiter() -> None:
    """Else the test above would pass with a plain gain."""
    clip = _drums(5.0, decay_ms=40)
    headroom_db = -1.0 - true_peak_dbfs(clip)
    assert integrated_lufs(clip, RATE) + headroom_db < -17.5


def test_without_peaks_the_gain_is_one_number() -> None:
    clip = _sine(440, -40).repeat(2, 1)
    gain = loudness_gain(clip, RATE)[100:]
    assert gain.max() / gain.min() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("target_lufs", [-23.0, -14.0])
def test_another_target_and_ceiling(target_lufs) -> None:
    clip = _sine(440, -30).repeat(2, 1)
    gain = loudness_gain(clip, RATE, target_lufs=target_lufs, max_true_peak_dbfs=-3.0)
    normalized = clip * gain
    assert integrated_lufs(normalized, RATE) == pytest.approx(target_lufs, abs=0.1)
    assert true_peak_dbfs(normalized) <= -3


def test_peaks_too_high_to_hide_leave_the_clip_quieter() -> None:
    """A lone click 40 dB above the music isn't crushed by more than 6 dB."""
    clip = _sine(440, -40, seconds=5).repeat(2, 1)
    clip[:, 100_000] = 0.9
    normalized = clip * loudness_gain(clip, RATE)
    assert -1.2 <= true_peak_dbfs(normalized) <= -1.0
    assert integrated_lufs(normalized, RATE) < -30
    rise_db = 20 * math.log10(normalized[0, :40_000].std() / clip[0, :40_000].std())
    click_rise_db = 20 * math.log10(normalized[0, 100_000] / clip[0, 100_000])
    assert rise_db - click_rise_db <= 6.1


@pytest.mark.parametrize("n_samples", [1, 100, 44_100])
def test_silence_stays_silence(n_samples) -> None:
    silence = torch.zeros(2, n_samples)
    assert torch.equal(loudness_gain(silence, RATE), torch.ones(n_samples))


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("n_samples", [1, 10, 300])
def test_the_shortest_clips_keep_the_promise(n_samples, circular) -> None:
    clip = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(3))
    normalized = clip * loudness_gain(clip, RATE, circular=circular)
    assert normalized.isfinite().all()
    assert true_peak_dbfs(normalized, circular=circular) <= -1.0


def test_turning_a_loop_turns_its_limited_form() -> None:
    """The limiter's gain runs round the seam: it doesn't matter where the loop begins."""
    loop = 3 * _drums(2.0, decay_ms=10)
    limited, turned = (
        wave
        * torch.from_numpy(
            limiter_gain(true_peaks(wave, circular=True), RATE, ceiling=0.5, circular=True)
        )
        for wave in (loop, loop.roll(-11_025, -1))
    )
    assert (limited.roll(-11_025, -1) - turned).abs().max() < 1e-4
    assert limited.abs().max() <= 0.5 + 1e-6


@pytest.mark.parametrize("hz", [40, 110, 1_000])
def test_a_limited_note_is_not_bent(hz) -> None:
    """A steady note 6 dB over the ceiling stays a note, its overtones below -60 dB."""
    note = _sine(hz, 5.0)
    gain = limiter_gain(true_peaks(note), RATE, ceiling=0.89)
    limited = (note[0] * torch.from_numpy(gain))[RATE : 2 * RATE].double()
    power = torch.fft.rfft(limited * torch.hann_window(RATE, dtype=torch.float64)).abs() ** 2
    fundamental = power[hz - 2 : hz + 3].sum()
    assert 10 * math.log10((power.sum() - fundamental) / fundamental) < -60
    assert limited.abs().max() == pytest.approx(0.89, abs=0.01)


def test_the_gain_falls_before_a_peak_and_recovers_after_it() -> None:
    peaks = torch.full((RATE,), 0.1).numpy()
    peaks[20_000] = 1.0
    gain = limiter_gain(peaks, RATE, ceiling=0.5)
    assert gain[20_000] <= 0.5 + 1e-6
    assert gain[20_000 - 300] == pytest.approx(1.0)
    assert abs(gain[1:] - gain[:-1]).max() < 0.01
    assert gain[20_000 + RATE // 4] == pytest.approx(1.0)


def test_peak_is_one_gain_for_the_whole_clip() -> None:
    for circular in (False, True):
        drums = _drums(2.0, 40.0)
        loud = drums * peak_gain(drums, circular=circular)
        assert true_peak_dbfs(loud, circular=circular) == pytest.approx(-1, abs=1e-3)
    assert peak_gain(torch.zeros(2, 100)) == 1
