from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from riffkit.spectrogram.params import RIFFUSION_V1
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.compiled_loop import add_round
from riffkit.vocoder.grid import (
    centred_window,
    cut_frames,
    inverse_overlap,
    overlap_frames,
    working_bands,
)
from riffkit.vocoder.phase_gradient import phase_from_magnitude

N_FRAMES = 40
POOL = ThreadPoolExecutor(2)


def small_analysis() -> Analysis:
    (band,) = working_bands(RIFFUSION_V1, n_frames=N_FRAMES, n_samples=N_FRAMES * 441)
    return band.analysis


def centred_spectra(loop: np.ndarray, analysis: Analysis) -> np.ndarray:
    frames = np.empty((N_FRAMES, analysis.n_fft), np.float32)
    cut_frames(loop, centred_window(analysis), analysis.hop_samples, 0, frames)
    spectra = np.fft.rfft(frames)
    spectra[:, 1::2] *= -1
    return spectra


def turned(phase: np.ndarray) -> np.ndarray:
    return np.angle(np.exp(1j * phase))


def test_a_tone_turns_by_its_frequency_every_hop() -> None:
    analysis = small_analysis()
    n_samples = N_FRAMES * analysis.hop_samples
    turns = 403  # a whole number round the loop, between two bins
    loop = np.sin(2 * np.pi * turns * np.arange(n_samples) / n_samples).astype(np.float32)
    magnitude = np.abs(centred_spectra(loop, analysis)).astype(np.float32)
    phase = phase_from_magnitude(magnitude, analysis, seed=0, pool=POOL)
    peak = int(magnitude[0].argmax())
    change = turned(np.diff(phase[:, peak]) - 2 * np.pi * turns / N_FRAMES)
    assert np.abs(np.median(change)) < 0.02  # of 2 π: a tenth of a hertz


def test_a_click_has_its_phase_along_frequency() -> None:
    analysis = small_analysis()
    loop = np.zeros(N_FRAMES * analysis.hop_samples, np.float32)
    loop[20 * analysis.hop_samples + 100] = 1
    spectra = centred_spectra(loop, analysis)
    phase = phase_from_magnitude(np.abs(spectra).astype(np.float32), analysis, seed=0, pool=POOL)
    slope = turned(np.diff(phase[20, 100:900]))
    true_slope = -2 * np.pi * 100 / analysis.n_fft
    assert abs(np.median(slope) - true_slope) < 0.2 * abs(true_slope)  # Hann is no Gaussian


@pytest.mark.parametrize("offset", [-0.45, -0.2, 0.1, 0.4])
@pytest.mark.parametrize("columns", [2.5, 4.0, 5.5])
def test_in_a_short_window_a_click_lies_where_the_hann_flanks_say(
    columns: float, offset: float
) -> None:
    hop, n_frames = 200, 12
    size = round(columns * hop)
    analysis = Analysis(44_100.0, hop, size, size)
    loop = np.zeros(n_frames * hop, np.float32)
    place = round(offset * hop)
    loop[6 * hop + place] = 1
    frames = np.empty((n_frames, size), np.float32)
    cut_frames(loop, centred_window(analysis), hop, 0, frames)
    magnitude = np.abs(np.fft.rfft(frames)).astype(np.float32)
    phase = phase_from_magnitude(magnitude, analysis, seed=0, pool=POOL)
    inner = slice(10, size // 8 - 10)  # one of the four bands of frequency
    slope = np.median(turned(np.diff(phase[6, inner])))
    assert slope == pytest.approx(-2 * np.pi * place / size, abs=2 * np.pi * 2 / size)


def test_known_phase_is_kept_and_gone_on_from() -> None:
    analysis = small_analysis()
    n_samples = N_FRAMES * analysis.hop_samples
    loop = np.sin(2 * np.pi * 403 * np.arange(n_samples) / n_samples + 1).astype(np.float32)
    spectra = centred_spectra(loop, analysis)
    truth = np.angle(spectra).astype(np.float32)
    known = np.full_like(truth, np.nan)
    known[5:9] = truth[5:9]
    magnitude = np.abs(spectra).astype(np.float32)
    phase = phase_from_magnitude(magnitude, analysis, seed=0, pool=POOL, known=known)
    assert np.array_equal(phase[5:9], truth[5:9])
    peak = int(magnitude[0].argmax())
    assert np.abs(turned(phase[5:20, peak] - truth[5:20, peak])).max() < 0.3


def test_silence_has_any_phase() -> None:
    analysis = small_analysis()
    nothing = np.zeros((N_FRAMES, analysis.n_bins), np.float32)
    assert np.isfinite(phase_from_magnitude(nothing, analysis, seed=0, pool=POOL)).all()


def test_cut_and_overlapped_a_loop_is_itself() -> None:
    analysis = small_analysis()
    hop = analysis.hop_samples
    loop = np.random.default_rng(0).standard_normal((1, N_FRAMES * hop)).astype(np.float32)
    window = centred_window(analysis)
    frames = np.empty((N_FRAMES, analysis.n_fft), np.float32)
    cut_frames(loop[0], window, hop, 0, frames)
    strip = np.empty((1, (N_FRAMES - 1) * hop + analysis.n_fft), np.float32)
    overlap_frames(frames, window, hop, strip[0])
    again = np.zeros_like(loop)
    add_round(again, strip, -analysis.n_fft // 2)
    again *= np.tile(inverse_overlap(window, hop), N_FRAMES)
    assert np.abs(again - loop).max() < 1e-5
