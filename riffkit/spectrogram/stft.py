"""The short-time Fourier transform behind an image: sizes, padding, frames.

Column k is always centered on sample k·hop. Off the grid the sizes are those of the parameters;
on the beat grid the clip is resampled so that one column is a whole number of samples, and the
window keeps its length in milliseconds of the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.windows import WindowBand, window_bands

FRAMES_PER_BLOCK = 32  # the frames of a block and their spectra stay in a core's cache


@dataclass(frozen=True)
class Analysis:
    """The sizes of one short-time Fourier transform, in samples at `sample_rate` (hertz)."""

    sample_rate: float
    hop_samples: int
    window_samples: int
    n_fft: int

    @property
    def lead_samples(self) -> int:
        """Samples of a frame before its center (the centering of torch.stft)."""
        return self.n_fft // 2 - (self.n_fft - self.window_samples) // 2

    @property
    def bin_hz(self) -> float:
        return self.sample_rate / self.n_fft

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1


def off_grid_analysis(params: SpectrogramParams) -> Analysis:
    """The sizes of `params` in samples: 441, 4,410 and 17,640 for riffusion."""
    return Analysis(
        sample_rate=float(params.sample_rate),
        hop_samples=params.hop_samples,
        window_samples=round(params.window_ms * params.sample_rate / 1000),
        n_fft=round(params.padded_ms * params.sample_rate / 1000),
    )


def beat_grid_analysis(params: SpectrogramParams, *, n_frames: int, n_samples: int) -> Analysis:
    """The sizes for a clip of `n_samples` laid out in `n_frames` columns.

    The rate is `n_frames · hop / n_samples` times the original: never below it, and a little above
    where that makes hop and transform lengths products of 2, 3, 5 and 7, for which FFTs are fast.
    """
    hop_samples = next_smooth(-(-n_samples // n_frames))
    sample_rate = params.sample_rate * n_frames * hop_samples / n_samples
    half_window = round(params.window_ms * sample_rate / 2000)
    half_fft = next_smooth(round(params.padded_ms * sample_rate / 2000))
    return Analysis(sample_rate, hop_samples, 2 * half_window, 2 * half_fft)


def band_analyses(
    params: SpectrogramParams, longest: Analysis
) -> list[tuple[WindowBand, Analysis]]:
    """The transforms of an image at the rate of `longest`, which has the longest window."""
    column_ms = 1000 * longest.hop_samples / longest.sample_rate
    found = []
    for band in window_bands(params, column_ms):
        if band.window_ms == params.window_ms:
            found.append((band, longest))
            continue
        half_window = round(band.window_ms * longest.sample_rate / 2000)
        half_fft = next_smooth(round(half_window * params.padded_ms / params.window_ms))
        analysis = Analysis(longest.sample_rate, longest.hop_samples, 2 * half_window, 2 * half_fft)
        found.append((band, analysis))
    return found


@lru_cache(maxsize=4096)
def next_smooth(minimum: int) -> int:
    """The smallest product of 2, 3, 5 and 7 that is at least `minimum`."""
    candidate = max(1, minimum)
    while not _is_smooth(candidate):
        candidate += 1
    return candidate


def _is_smooth(number: int) -> bool:
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number == 1


def pad_reflected(
    waveform: Float[Tensor, "channel sample"], before: int, after: int
) -> Float[Tensor, "channel padded"]:
    """Mirror both ends; a clip too short for that is padded with silence first."""
    missing = max(before, after) + 1 - waveform.shape[-1]
    if missing > 0:
        waveform = torch.nn.functional.pad(waveform, (0, missing))
        after = max(0, after - missing)
    return torch.nn.functional.pad(waveform[None], (before, after), mode="reflect")[0]


def pad_circular(
    waveform: Float[Tensor, "channel sample"], before: int, after: int
) -> Float[Tensor, "channel padded"]:
    """Wrap the clip around its ends, several times if it is short."""
    n_samples = waveform.shape[-1]
    if max(before, after) > n_samples:
        position = torch.arange(-before, n_samples + after, device=waveform.device)
        return waveform[:, position % n_samples]
    return torch.cat((waveform[:, n_samples - before :], waveform, waveform[:, :after]), dim=-1)


def spectrum_blocks(
    padded: Float[Tensor, "channel padded"], analysis: Analysis, *, n_frames: int
) -> Iterator[Complex[Tensor, "channel _frame bin"]]:
    """The spectra of the first `n_frames` frames, a few frames at a time.

    `padded` begins `analysis.lead_samples` before the center of the first frame. The window sits
    at the start of the transform and not in its middle: the magnitudes are the same.
    """
    window = torch.hann_window(analysis.window_samples, dtype=padded.dtype, device=padded.device)
    frames = padded.unfold(-1, analysis.window_samples, analysis.hop_samples)[:, :n_frames]
    for block in frames.split(FRAMES_PER_BLOCK, dim=1):
        yield torch.fft.rfft(block * window, n=analysis.n_fft)


def padded_tail_samples(analysis: Analysis, *, n_frames: int, n_samples: int) -> int:
    """The number of samples that the last of `n_frames` frames reaches beyond the clip's end."""
    last_end = (
        (n_frames - 1) * analysis.hop_samples - analysis.lead_samples + analysis.window_samples
    )
    return max(0, last_end - n_samples)
