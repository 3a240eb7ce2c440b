from __future__ import annotations

import numpy as np
import pytest
import torch

from riffkit.spectrogram.mel import mel_filterbank, waveform_to_mel
from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.stft import pad_circular
from riffkit.vocoder import mel_bank as bank_module
from riffkit.vocoder.grid import WorkingBand, centred_window, working_bands
from riffkit.vocoder.mel_bank import half_bin_taps, mel_bank
from riffkit.vocoder.mel_constraint import enforce_mel

HOP = 441


def only_band(params: SpectrogramParams, *, n_frames: int, n_samples: int) -> WorkingBand:
    (band,) = working_bands(params, n_frames=n_frames, n_samples=n_samples)
    return band


def test_the_working_sizes_of_riffusion_are_those_of_its_band() -> None:
    analysis = only_band(RIFFUSION_V1, n_frames=512, n_samples=512 * HOP).analysis
    assert (analysis.sample_rate, analysis.hop_samples) == (21_600, 216)
    assert (analysis.window_samples, analysis.n_fft) == (2_160, 2_160)


@pytest.mark.parametrize("n_samples", [512 * HOP, 176_400, 121_446])
@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND])
def test_the_window_keeps_its_length_at_any_tempo(
    params: SpectrogramParams, n_samples: int
) -> None:
    analysis = only_band(params, n_frames=512, n_samples=n_samples).analysis
    assert analysis.sample_rate >= 2 * params.max_hz
    assert analysis.window_samples / analysis.sample_rate == pytest.approx(0.1, rel=1e-3)
    assert analysis.sample_rate * n_samples / 44_100 == pytest.approx(512 * analysis.hop_samples)


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND])
def test_sparse_triangles_are_the_filter_bank(params: SpectrogramParams) -> None:
    analysis = only_band(params, n_frames=512, n_samples=512 * HOP).analysis
    corners = corner_hz(params)
    sparse = bank_module._quarter_bin_filters(corners, analysis).toarray()
    dense = mel_filterbank(params, n_fft=4 * analysis.n_fft, sample_rate=analysis.sample_rate)
    assert np.abs(sparse - dense.numpy().T).max() < 1e-5


@pytest.mark.parametrize("params", [RIFFUSION_V1, CRISP])
def test_rows_are_without_holes(params: SpectrogramParams) -> None:
    bank = mel_bank(params, working_bands(params, n_frames=512, n_samples=512 * HOP))
    assert (np.diff(bank.begin) > 0).all()
    assert set(bank.row) == set(range(512))
    bounds = 2 * bank.bin_bounds
    own = np.searchsorted(bounds, bank.first_point, side="right")
    assert (bank.first_point + np.diff(bank.begin) <= bounds[own] - 1).all()


def test_crisp_bands_work_at_the_rate_that_their_rows_need() -> None:
    bands = working_bands(CRISP, n_frames=512, n_samples=512 * HOP)
    rates = [band.analysis.sample_rate for band in bands]
    assert rates == sorted(rates)
    assert rates[0] < 5_000
    assert rates[-1] == 43_200
    for band in bands:
        seconds = band.analysis.window_samples / band.analysis.sample_rate
        assert 1_000 * seconds == pytest.approx(band.window.window_ms, rel=2e-3)
        assert band.passed_hz < band.analysis.sample_rate / 2


def test_half_bins_are_those_of_a_transform_twice_as_long() -> None:
    noise = np.random.default_rng(0).standard_normal(2_160)
    frame = np.fft.ifftshift(np.sin(np.pi * np.arange(2_160) / 2_160) ** 2 * noise)
    longer = np.concatenate((frame[:1_080], np.zeros(2_160), frame[1_080:]))
    bins, half = np.fft.rfft(frame), np.fft.rfft(longer)[1::2]
    t0, t1, t2 = half_bin_taps(2_160)
    found = (
        t0 * (bins[:-5] + bins[5:])
        + t1 * (bins[1:-4] + bins[4:-1])
        + t2 * (bins[2:-3] + bins[3:-2])
    )
    error = np.abs(found - half[2 : 2 + len(found)])
    assert np.sqrt((error**2).mean()) < 0.03 * np.sqrt((np.abs(half) ** 2).mean())


def spectra_of_noise() -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Noise that fills the working rate's band, its image's mel, and its working spectra."""
    analysis = only_band(RIFFUSION_V1, n_frames=40, n_samples=40 * HOP).analysis
    spectrum = np.zeros(40 * HOP // 2 + 1, np.complex128)
    angle = np.random.default_rng(2).uniform(0, 2 * np.pi, 3_900)
    spectrum[40:3_940] = np.exp(1j * angle)  # 100 Hz to 9,850 Hz
    high = np.fft.irfft(spectrum, 40 * HOP)
    low = np.fft.irfft(spectrum[: 40 * 108 + 1], 40 * 216) * 216 / HOP
    scale = 0.1 / high.std()
    waveform = torch.tensor(scale * high[None], dtype=torch.float32)
    loop = torch.tensor(scale * low[None], dtype=torch.float32)
    padded = pad_circular(loop, analysis.n_fft // 2, analysis.n_fft)
    frames = padded.unfold(-1, analysis.n_fft, 216)[:, :40].numpy()
    spectra = np.fft.rfft(frames * centred_window(analysis)).astype(np.complex64)
    mel = waveform_to_mel(waveform, RIFFUSION_V1, circular=True)
    return waveform, mel.numpy().transpose(0, 2, 1).copy(), spectra


def test_a_spectrum_that_fits_is_left_alone() -> None:
    _, target, spectra = spectra_of_noise()
    scaled = spectra.copy()
    previous = np.zeros_like(spectra)
    bank = mel_bank(RIFFUSION_V1, working_bands(RIFFUSION_V1, n_frames=40, n_samples=40 * HOP))
    enforce_mel(scaled, previous, target, bank, momentum=0.0, limit=20.0, sharpen=False)
    change = np.linalg.norm(scaled - spectra) / np.linalg.norm(spectra)
    assert change < 0.05
    assert np.array_equal(previous, spectra)


def test_a_step_brings_the_rows_to_the_target() -> None:
    _, target, spectra = spectra_of_noise()
    bank = mel_bank(RIFFUSION_V1, working_bands(RIFFUSION_V1, n_frames=40, n_samples=40 * HOP))
    half = (0.5 * spectra).astype(np.complex64)
    enforce_mel(half, half.copy(), target, bank, momentum=0.0, limit=20.0, sharpen=False)
    assert np.linalg.norm(half - spectra) < 0.05 * np.linalg.norm(spectra)
    silent = spectra.copy()
    enforce_mel(silent, half, 0 * target, bank, momentum=0.0, limit=20.0)
    assert np.abs(silent).max() == 0
