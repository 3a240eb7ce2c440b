"""Waveform to mel magnitudes: the HTK filter bank and the planes of an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.mel_scale import corner_hz
from riffkit.spectrogram.params import Planes, SpectrogramParams
from riffkit.spectrogram.stft import (
    Analysis,
    band_analyses,
    beat_grid_analysis,
    off_grid_analysis,
    pad_circular,
    pad_reflected,
    padded_tail_samples,
    spectrum_blocks,
)

INT16_SCALE = 32_768.0
ROWS_PER_STRIP = 16  # mel rows multiplied at once: their filters cover few bins


def _triangles(
    bin_hz: Float[Tensor, " bin"], corner_hz: Float[Tensor, " corner"]
) -> Float[Tensor, "bin mel"]:
    width_hz = corner_hz.diff()
    distance_hz = corner_hz[None, :] - bin_hz[:, None]
    rising = -distance_hz[:, :-2] / width_hz[:-1]
    falling = distance_hz[:, 2:] / width_hz[1:]
    return torch.minimum(rising, falling).clamp_min(0).float()


@lru_cache(maxsize=4)
def mel_filterbank(
    params: SpectrogramParams, *, n_fft: int, sample_rate: float
) -> Float[Tensor, "bin mel"]:
    """Triangles of height 1 on the HTK scale, as torchaudio.functional.melscale_fbanks(norm=None).

    The result is cached and shared: treat it as read-only.
    """
    bin_hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)
    return _triangles(bin_hz, torch.from_numpy(corner_hz(params)))


@dataclass(frozen=True, eq=False)
class _Strip:
    """A few neighboring mel rows, and only the bins that their filters cover."""

    first_row: int
    first_bin: int
    weights: Float[Tensor, "bin mel"]

    @property
    def last_bin(self) -> int:
        return self.first_bin + self.weights.shape[0] - 1


@dataclass(frozen=True, eq=False)
class _Band:
    """One transform of an image's analysis, and the filters of its rows."""

    analysis: Analysis
    strips: tuple[_Strip, ...]


@lru_cache(maxsize=64)
def _bands(params: SpectrogramParams, longest: Analysis) -> tuple[_Band, ...]:
    """The filter bank in narrow pieces, scaled to int16 and to the level of the off-grid analysis.

    A magnitude grows with the window's length in samples, and a row's sum with the density of bins;
    both are normalized to the off-grid sizes, so that a clip has the same mel values at every
    tempo.
    """
    reference = off_grid_analysis(params)
    corners_hz = torch.from_numpy(corner_hz(params))
    bands = []
    for window, analysis in band_analyses(params, longest):
        level = (reference.window_samples / analysis.window_samples) * (
            analysis.bin_hz / reference.bin_hz
        )
        strips = []
        for row in range(window.first_row, window.end_row, ROWS_PER_STRIP):
            end = min(row + ROWS_PER_STRIP, window.end_row)
            corners = corners_hz[row : end + 2]
            first = int(float(corners[0]) / analysis.bin_hz)
            last = min(int(float(corners[-1]) / analysis.bin_hz) + 1, analysis.n_bins - 1)
            bin_hz = torch.arange(first, last + 1, dtype=torch.float64) * analysis.bin_hz
            weight = torch.from_numpy(window.weight[row:end]).float()
            scale = INT16_SCALE * level * window.level
            strips.append(_Strip(row, first, _triangles(bin_hz, corners) * scale * weight))
        bands.append(_Band(analysis, tuple(strips)))
    return tuple(bands)


def as_channels(
    waveform: Float[Tensor, "channel sample"], planes: Planes
) -> Float[Tensor, "plane_channel sample"]:
    """One channel for a mono image, two for a stereo one."""
    n_channels = waveform.shape[0]
    if n_channels not in (1, 2) or waveform.shape[-1] == 0:
        raise ParameterError(
            f"waveform={tuple(waveform.shape)}: must be 1 or 2 channels with at least one sample"
        )
    if planes.n_channels == 1:
        return waveform.mean(dim=0, keepdim=True)
    return waveform.expand(2, -1)


def mel_blocks(
    padded: Float[Tensor, "channel padded"],
    params: SpectrogramParams,
    analysis: Analysis,
    *,
    n_frames: int,
) -> Iterator[Float[Tensor, "plane mel _frame"]]:
    """The mel planes of `padded` (see `spectrum_blocks`), a few frames at a time.

    `analysis` is that of the longest window; shorter ones have the same centers.
    """
    bands = _bands(params, analysis)
    spectra = [
        spectrum_blocks(
            padded[:, analysis.lead_samples - band.analysis.lead_samples :],
            band.analysis,
            n_frames=n_frames,
        )
        for band in bands
    ]
    for block in zip(*spectra, strict=True):
        mel = block[0].real.new_zeros(params.planes.n_mel_planes, block[0].shape[1], params.n_mels)
        for spectrum, band in zip(block, bands, strict=True):
            if params.planes is Planes.LEFT_RIGHT_MID:
                spectrum = torch.cat((spectrum, spectrum.mean(dim=0, keepdim=True)))
            _add_rows(mel, spectrum, band)
        yield mel.transpose(1, 2)


def _add_rows(
    mel: Float[Tensor, "plane frame mel"], spectrum: Complex[Tensor, "plane frame bin"], band: _Band
) -> None:
    first_bin = band.strips[0].first_bin
    magnitude = _magnitude(spectrum[..., first_bin : band.strips[-1].last_bin + 1])
    for strip in band.strips:
        bins = magnitude[..., strip.first_bin - first_bin : strip.last_bin + 1 - first_bin]
        rows = slice(strip.first_row, strip.first_row + strip.weights.shape[1])
        mel[..., rows] += bins @ strip.weights.to(mel.device)


def _magnitude(spectrum: Complex[Tensor, "plane frame bin"]) -> Float[Tensor, "plane frame bin"]:
    """|z| in half the time of torch.abs, which also holds where z² would overflow."""
    return torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag).sqrt_()


def waveform_to_mel(
    waveform: Float[Tensor, "channel sample"],
    params: SpectrogramParams,
    *,
    n_frames: int | None = None,
    circular: bool = False,
) -> Float[Tensor, "plane mel frame"]:
    """Mel magnitudes on the int16 scale, lowest band first; `waveform` is at params.sample_rate.

    Off the grid (`n_frames` is None): ceil(samples / hop) frames. On the beat grid the whole clip,
    of any length, is one period laid out in `n_frames` columns, and is always circular.
    """
    if waveform.shape[0] == 1 and params.planes is not Planes.MONO:  # all planes are the same
        mono = params.with_planes(Planes.MONO)
        plane = waveform_to_mel(waveform, mono, n_frames=n_frames, circular=circular)
        return plane.repeat(params.planes.n_mel_planes, 1, 1)
    channels = as_channels(waveform, params.planes)
    n_samples = channels.shape[-1]
    if n_frames is None:
        analysis = off_grid_analysis(params)
        n_frames = -(-n_samples // analysis.hop_samples)
    else:
        analysis = beat_grid_analysis(params, n_frames=n_frames, n_samples=n_samples)
        circular = True
        n_samples = n_frames * analysis.hop_samples
        channels = resample(
            channels, params.sample_rate, analysis.sample_rate, n_samples=n_samples, circular=True
        )
    pad = pad_circular if circular else pad_reflected
    after = padded_tail_samples(analysis, n_frames=n_frames, n_samples=n_samples)
    padded = pad(channels, analysis.lead_samples, after)
    return torch.cat(list(mel_blocks(padded, params, analysis, n_frames=n_frames)), dim=-1)
