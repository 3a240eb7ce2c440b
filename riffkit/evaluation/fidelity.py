"""How much of a sound survives the way through an image, and whether joins are audible.

The copy-synthesis metrics compare a waveform with the decoded image of it, over the image's band.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.pixels import mel_to_pixels

_LSD_FFT, _LSD_HOP = 2048, 512
FLOOR_DB = -100.0
_FLOOR = 10 ** (FLOOR_DB / 20)  # of the loudest point
_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # transform, hop, window
_VISQOL_RATE = 48_000
_FLUX_FFT, _FLUX_HOP = 1024, 128
_NEAR_SECONDS = 0.02


@dataclass(frozen=True)
class Fidelity:
    """Fidelity metrics of a decoded sound; lower is better, except for ViSQOL."""

    image_l1: float  # 8-bit levels
    lsd_db: float
    mr_stft: float
    convergence: float
    visqol: float | None = None  # mean opinion score, 1 to 4.73


def fidelity(
    original: Float[Tensor, "channel sample"],
    decoded: Float[Tensor, "channel decoded_sample"],
    image: SpectrogramImage,
    *,
    with_visqol: bool = False,
) -> Fidelity:
    """All metrics of a clip, at `image.params.sample_rate`. `image` is what was decoded.

    Stereo is the mean of left and right; ViSQOL hears the mid.
    """
    if original.shape != decoded.shape:
        raise ParameterError(
            f"decoded={tuple(decoded.shape)}: must have the original's shape, "
            f"{tuple(original.shape)}"
        )
    rate, max_hz = image.params.sample_rate, image.params.max_hz
    return Fidelity(
        image_l1=image_l1(decoded, image),
        lsd_db=log_spectral_distance(original, decoded, rate, max_hz),
        mr_stft=multi_resolution_stft(original, decoded, rate, max_hz),
        convergence=spectral_convergence(original, decoded, rate, max_hz),
        visqol=visqol(original, decoded, rate) if with_visqol else None,
    )


def image_l1(decoded: Float[Tensor, "channel sample"], image: SpectrogramImage) -> float:
    """Mean difference of the image and that of its decoded sound, in 8-bit levels."""
    n_frames = None if image.grid is None else image.n_frames
    mel = waveform_to_mel(decoded, image.params, n_frames=n_frames)
    pixels, _ = mel_to_pixels(mel, image.params, max_value=image.max_value)
    return float(np.abs(pixels.astype(np.int16) - image.pixels).mean())


def log_spectral_distance(
    original: Float[Tensor, "channel sample"],
    decoded: Float[Tensor, "channel sample"],
    sample_rate: int,
    max_hz: float,
    *,
    floor_db: float = FLOOR_DB,
) -> float:
    """Log-spectral distance in dB (Gray and Markel 1976): per frame the root mean square over bins.

    Frames of 2,048 samples, hop 512; `floor_db` of the loudest point is added to every magnitude.
    """
    first, second = (
        _magnitude(waveform, _LSD_FFT, _LSD_HOP, _LSD_FFT, sample_rate, max_hz)
        for waveform in (original, decoded)
    )
    floor = 10 ** (floor_db / 20) * first.max().clamp(min=1e-9)
    decibels = 20 * torch.log10((first + floor) / (second + floor))
    return float(decibels.square().mean(dim=-2).sqrt().mean())


def spectral_convergence(
    original: Float[Tensor, "channel sample"],
    decoded: Float[Tensor, "channel sample"],
    sample_rate: int,
    max_hz: float,
) -> float:
    """‖|A| − |B|‖ / ‖|A|‖ of the same frames as `log_spectral_distance`."""
    first, second = (
        _magnitude(waveform, _LSD_FFT, _LSD_HOP, _LSD_FFT, sample_rate, max_hz)
        for waveform in (original, decoded)
    )
    return float((first - second).norm() / first.norm().clamp(min=1e-9))


def multi_resolution_stft(
    original: Float[Tensor, "channel sample"],
    decoded: Float[Tensor, "channel sample"],
    sample_rate: int,
    max_hz: float,
) -> float:
    """Spectral convergence plus mean log-magnitude difference, over three resolutions.

    Yamamoto et al. 2020 (Parallel WaveGAN, arXiv:1910.11480, eqs. 5 to 7); natural logarithms of
    magnitudes above 1e-5 of the loudest.
    """
    distances = []
    for n_fft, hop, window in _RESOLUTIONS:
        first, second = (
            _magnitude(waveform, n_fft, hop, window, sample_rate, max_hz)
            for waveform in (original, decoded)
        )
        floor = _FLOOR * first.max().clamp(min=1e-9)
        convergence = (first - second).norm() / first.norm().clamp(min=1e-9)
        difference = (first.clamp(min=floor).log() - second.clamp(min=floor).log()).abs().mean()
        distances.append(float(convergence + difference))
    return sum(distances) / len(distances)


def visqol(
    original: Float[Tensor, "channel sample"],
    decoded: Float[Tensor, "channel sample"],
    sample_rate: int,
) -> float:
    """ViSQOL v3 in audio mode (Chinen et al. 2020, arXiv:2004.09584) of the mean of the channels.

    ParameterError if the package visqol-python (extra `reference`) isn't installed.
    """
    try:
        package = importlib.import_module("visqol")
    except ImportError as error:
        raise ParameterError(
            "ViSQOL is not installed; run `pip install 'riffkit[reference]'`"
        ) from error
    api = package.VisqolApi()
    api.create(mode="audio")
    first, second = (
        resample(waveform.mean(0, keepdim=True), sample_rate, _VISQOL_RATE)[0].double().numpy()
        for waveform in (original, decoded)
    )
    return float(api.measure_from_arrays(first, second, _VISQOL_RATE).moslqo)


def channel_correlation(stereo: Float[Tensor, "channel sample"], sample_rate: int) -> float:
    """The correlation of left and right above 20 Hz, -1 to 1; 1 for mono, 0 for silence."""
    if len(stereo) == 1:
        return 1.0
    first = round(20 * stereo.shape[-1] / sample_rate)
    left, right = torch.fft.rfft(stereo)[:, first:]
    common = (left * right.conj()).real.sum()
    return float(common / (left.norm() * right.norm()).clamp(min=1e-9))


def _magnitude(
    waveform: Float[Tensor, "channel sample"],
    n_fft: int,
    hop: int,
    window: int,
    sample_rate: int,
    max_hz: float,
) -> Float[Tensor, "channel bin frame"]:
    spectrum = torch.stft(
        waveform,
        n_fft,
        hop,
        window,
        torch.hann_window(window),
        return_complex=True,
        pad_mode="constant",
    )
    return spectrum.abs()[:, : int(max_hz / sample_rate * n_fft) + 1]


def flux_at(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    places: Sequence[float] | Float[np.ndarray, " place"],
    *,
    circular: bool,
) -> Float[np.ndarray, " place"]:
    """The largest spectral flux within 20 ms of each place, given as a sample index.

    The flux of a frame is what its magnitudes have risen in all since the one before.
    `circular`: the clip is a loop, and a place may lie over its seam.
    """
    mid, margin = waveform.mean(0), 4 * _FLUX_FFT
    mode = "circular" if circular else "constant"
    padded = torch.nn.functional.pad(mid[None], (margin, margin), mode=mode)[0]
    window = torch.hann_window(_FLUX_FFT)
    spectrum = torch.stft(padded, _FLUX_FFT, _FLUX_HOP, window=window, return_complex=True)
    flux = spectrum.abs().diff(dim=1).clamp(min=0).sum(0).numpy()
    when = (np.arange(len(flux)) + 0.5) * _FLUX_HOP - margin
    reach = _NEAR_SECONDS * sample_rate
    return np.array([flux[np.abs(when - place) < reach].max() for place in places])
