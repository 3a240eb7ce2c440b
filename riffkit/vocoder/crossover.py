"""Where the bands of an image meet: each gives what lies between its rows, and hears all below.

A loop's bands are at rates of their own, with whole samples a column, so one Fourier series of the
loop holds them all. What a band gives at a frequency is its windows' weight in the rows there; the
weights sum to 1, so nothing is lost or counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import torch
from jaxtyping import Complex64, Float
from torch import Tensor

from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.vocoder.grid import WorkingBand

Loop = Float[Tensor, "*batch channel _sample"]
Series = Complex64[Tensor, "*batch channel _harmonic"]


@dataclass(frozen=True, eq=False)
class _Share:
    """A band's part of a loop's Fourier series: what it gives, from `first` on, and hears."""

    n_samples: int
    first: int
    gives: Float[Tensor, " given"]
    hears: Float[Tensor, " heard"]


@dataclass(frozen=True, eq=False)
class Crossover:
    """Splits a loop into the bands' own loops, and joins them again."""

    n_samples: int
    shares: tuple[_Share, ...]

    def split(self, loop: Loop) -> list[Loop]:
        """What each band hears of a loop at the highest band's rate."""
        if len(self.shares) == 1:
            return [loop]
        return self._heard(_to_series(loop), None)

    def join(self, loops: Sequence[Loop], pool: Executor | None = None) -> list[Loop]:
        """What each band hears of the sum of what all of them give.

        The last one hears all of it. `pool` transforms the bands side by side.
        """
        if len(self.shares) == 1:
            return list(loops)
        whole: Series = torch.zeros(
            (*loops[0].shape[:-1], self.n_samples // 2 + 1),
            dtype=torch.complex64,
            device=loops[0].device,
        )
        series = (pool.map if pool else map)(_to_series, reversed(loops))
        for share, one in zip(reversed(self.shares), series, strict=True):
            given = slice(share.first, share.first + len(share.gives))
            whole[..., given] += one[..., given] * share.gives
        return self._heard(whole, pool)

    def _heard(self, whole: Series, pool: Executor | None) -> list[Loop]:
        def heard(share: _Share) -> Loop:
            return _to_loop(whole[..., : len(share.hears)] * share.hears, share.n_samples)

        longest_first = (pool.map if pool else map)(heard, reversed(self.shares))
        return list(longest_first)[::-1]


def _to_series(loop: Loop) -> Series:
    """On a CPU by pocketfft, which takes half the time that PyTorch's MKL takes."""
    if loop.is_cuda:
        return torch.fft.rfft(loop)
    return torch.from_numpy(scipy.fft.rfft(loop.numpy()))


def _to_loop(series: Series, n_samples: int) -> Loop:
    if series.is_cuda:
        return torch.fft.irfft(series, n=n_samples)
    return torch.from_numpy(scipy.fft.irfft(series.numpy(), n=n_samples))


@lru_cache(maxsize=16)
def crossover(
    params: SpectrogramParams,
    bands: tuple[WorkingBand, ...],
    *,
    n_frames: int,
    device: torch.device,
) -> Crossover:
    """The crossover of a loop of `n_frames` columns. Cached and shared: treat it as read-only."""
    n_whole = n_frames * bands[-1].analysis.hop_samples
    shares = [_share(params, band, n_frames, n_whole) for band in bands]
    return Crossover(
        n_whole,
        tuple(
            _Share(share.n_samples, share.first, share.gives.to(device), share.hears.to(device))
            for share in shares
        ),
    )


def _share(params: SpectrogramParams, band: WorkingBand, n_frames: int, n_whole: int) -> _Share:
    n_samples = n_frames * band.analysis.hop_samples
    nyquist_hz = band.analysis.sample_rate / 2
    hz = np.arange(n_samples // 2 + 1) * (band.analysis.sample_rate / n_samples)
    gives = np.interp(hz, mel_row_hz(params), band.window.weight)
    given = np.flatnonzero(gives)
    first, end = int(given[0]), int(given[-1]) + 1
    hears = np.ones_like(hz)
    if n_samples < n_whole:
        beyond = (hz - band.passed_hz) / (nyquist_hz - band.passed_hz)
        hears = np.cos(np.pi / 2 * np.clip(beyond, 0, 1)) ** 2
    rate = n_samples / n_whole
    return _Share(
        n_samples,
        first,
        torch.from_numpy(gives[first:end] / rate).float(),
        torch.from_numpy(hears * rate).float(),
    )
