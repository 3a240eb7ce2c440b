"""The onset curve: a curve over time that rises at every onset."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.spectrogram.mel import mel_filterbank
from riffkit.spectrogram.params import SpectrogramParams

ONSETS_PER_SECOND = 100
"""About how finely the curve is sampled; exactly `sample_rate / hop_samples(sample_rate)`."""

_N_BANDS = 40
_MAX_HZ = 10_000.0
_WINDOW_SECONDS = 0.04
_COMPRESSION = 1_000.0
_BLOCK_FRAMES = 4_096


def hop_samples(sample_rate: int) -> int:
    """Samples between two values of the onset curve."""
    return max(1, round(sample_rate / ONSETS_PER_SECOND))


def onset_curve(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[np.ndarray, " frame"]:
    """The spectral flux of a clip, one value every `hop_samples`, with a mean of 0.

    How much the logarithmic level of 40 mel bands has risen since the frame before, summed
    over the bands, less the average of the second around it, so that a loud part counts as
    much as a soft one.
    """
    levels = _band_levels(waveform.mean(0), sample_rate)
    loudest = levels.max()
    if loudest <= 0:
        return np.zeros(levels.shape[-1])
    levels = np.log1p(_COMPRESSION / loudest * levels)
    flux = np.maximum(0, np.diff(levels, axis=-1, prepend=levels[:, :1])).sum(0)
    local_mean = scipy.ndimage.uniform_filter1d(flux, ONSETS_PER_SECOND, mode="nearest")
    onsets = np.maximum(0, flux - local_mean)
    return np.asarray(onsets - onsets.mean(), np.float64)


def _band_levels(
    mono: Float[Tensor, " sample"], sample_rate: int
) -> Float[np.ndarray, "band frame"]:
    """Mel magnitudes; frame k is centered on sample k · hop. In blocks, for clips of any length."""
    n_fft = 2 ** round(np.log2(_WINDOW_SECONDS * sample_rate))
    hop = hop_samples(sample_rate)
    max_hz = min(_MAX_HZ, sample_rate / 2)
    params = SpectrogramParams(sample_rate=sample_rate, n_mels=_N_BANDS, max_hz=max_hz)
    bands = mel_filterbank(params, n_fft=n_fft, sample_rate=float(sample_rate)).T
    window = torch.hann_window(n_fft)
    frames = torch.nn.functional.pad(mono, (n_fft // 2, n_fft)).unfold(-1, n_fft, hop)
    frames = frames[: -(-len(mono) // hop)]
    levels = [
        bands @ torch.fft.rfft(block * window).abs().T
        for block in torch.split(frames, _BLOCK_FRAMES)
    ]
    return torch.cat(levels, -1).numpy()
