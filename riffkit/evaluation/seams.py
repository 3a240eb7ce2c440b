"""Whether a join is heard: the spectral flux there, beside that at other places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_N_FFT, _HOP_SAMPLES = 1024, 128
_NEAR_SECONDS = 0.02


def flux_at(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    places: Sequence[float] | Float[np.ndarray, " place"],
    *,
    circular: bool,
) -> Float[np.ndarray, " place"]:
    """The largest spectral flux within 20 ms of each place, which is a sample's number.

    The flux of a frame is what its magnitudes have risen in all since the one before.
    `circular`: the clip is a loop, and a place may lie over its seam.
    """
    mid, margin = waveform.mean(0), 4 * _N_FFT
    mode = "circular" if circular else "constant"
    padded = torch.nn.functional.pad(mid[None], (margin, margin), mode=mode)[0]
    window = torch.hann_window(_N_FFT)
    spectrum = torch.stft(padded, _N_FFT, _HOP_SAMPLES, window=window, return_complex=True)
    flux = spectrum.abs().diff(dim=1).clamp(min=0).sum(0).numpy()
    when = (np.arange(len(flux)) + 0.5) * _HOP_SAMPLES - margin
    reach = _NEAR_SECONDS * sample_rate
    return np.array([flux[np.abs(when - place) < reach].max() for place in places])
