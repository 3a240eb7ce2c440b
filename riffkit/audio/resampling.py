"""Sample rate conversion: of a clip, and of one period of a loop."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import scipy.signal
import soxr
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.errors import ParameterError


def resample(
    waveform: Float[Tensor, "channel sample"],
    from_rate: int | float,
    to_rate: int | float,
    *,
    n_samples: int | None = None,
    circular: bool = False,
) -> Float[Tensor, "channel resampled"]:
    """Resample a clip; float32, on the CPU.

    `n_samples` is the exact length of the result, by default round(samples · to_rate / from_rate).
    A clip is filtered by soxr and then trimmed or filled with silence to that length.

    With `circular` the waveform is one period of a loop and becomes one period of `n_samples`: the
    band-limited interpolation of the endless loop, so that rotating the input rotates the output.
    The rates are then only used to compute `n_samples` if it isn't given.

    Raises ParameterError for a rate or length of 0 or less.
    """
    for name, rate in (("from_rate", from_rate), ("to_rate", to_rate)):
        if not (math.isfinite(rate) and rate > 0):
            raise ParameterError(f"{name}={rate!r}: must be above 0 samples per second")
    n_in = waveform.shape[-1]
    n_out = max(1, round(n_in * to_rate / from_rate)) if n_samples is None else n_samples
    if n_in < 1 or n_out < 1:
        raise ParameterError(f"n_samples={n_out} from {n_in}: both must be at least 1")

    samples = waveform.detach().to("cpu", torch.float32).numpy()
    if circular:
        # In float64: what float32 rounds away changes pixels of recipes that are replayed.
        precise = samples.astype(np.float64)
        resampled = precise if n_in == n_out else scipy.signal.resample(precise, n_out, axis=-1)
    else:
        resampled = _fit_length(_resample_clip(samples, from_rate, to_rate), n_out)
    return torch.from_numpy(np.ascontiguousarray(resampled, dtype=np.float32))


def resample_blocks(
    blocks: Iterator[Float[Tensor, "channel block"]],
    from_rate: int | float,
    to_rate: int | float,
    *,
    n_samples: int,
) -> Iterator[Float[Tensor, "channel resampled"]]:
    """A long clip that comes in blocks, resampled as one stream to `n_samples` in all.

    The blocks keep no fixed length: the filter holds samples back until it has seen what follows.
    """
    stream: soxr.ResampleStream | None = None
    n_left, n_channels = n_samples, 0
    for block in blocks:
        n_channels = block.shape[0]
        stream = stream or soxr.ResampleStream(from_rate, to_rate, n_channels, quality="VHQ")
        resampled = stream.resample_chunk(block.T.numpy()).T[:, :n_left]
        n_left -= resampled.shape[-1]
        yield torch.from_numpy(np.ascontiguousarray(resampled))
    if stream is not None:
        rest = stream.resample_chunk(np.zeros((0, n_channels), np.float32), last=True).T
        yield torch.from_numpy(np.ascontiguousarray(_fit_length(rest, n_left)))


def _resample_clip(
    samples: Float[np.ndarray, "channel sample"], from_rate: int | float, to_rate: int | float
) -> Float[np.ndarray, "channel resampled"]:
    if from_rate == to_rate:
        return samples.copy()
    resampled: np.ndarray = soxr.resample(samples.T, from_rate, to_rate, quality="VHQ")
    return resampled.T


def _fit_length(
    samples: Float[np.ndarray, "channel sample"], n_out: int
) -> Float[np.ndarray, "channel resampled"]:
    missing = max(0, n_out - samples.shape[-1])
    return np.pad(samples[:, :n_out], ((0, 0), (0, missing)))
