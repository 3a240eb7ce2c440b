"""Whether sounds begin where a beat grid says."""

from __future__ import annotations

import numpy as np
import scipy.signal
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.onsets import hop_samples, onset_curve

TOLERANCE_SECONDS = 0.02
STEPS_PER_BEAT = 4
_PROMINENCE = 0.1  # of the strongest onset


def share_on_grid(
    loop: Float[Tensor, "channel sample"], sample_rate: int, *, n_beats: int
) -> float | None:
    """The share of a loop's onsets within 20 ms of a sixteenth note; None where nothing begins."""
    twice = loop.tile(1, 2)  # what begins at the seam has a before
    curve = onset_curve(twice, sample_rate)
    if not curve.max() > 0:
        return None
    peaks, _ = scipy.signal.find_peaks(curve, prominence=_PROMINENCE * curve.max())
    peaks = peaks[(peaks >= len(curve) // 4) & (peaks < len(curve) // 4 * 3)]
    if not len(peaks):
        return None
    below, here, above = (curve[np.clip(peaks + k, 0, len(curve) - 1)] for k in (-1, 0, 1))
    vertex = 0.5 * (below - above) / np.minimum(below - 2 * here + above, -1e-12)
    seconds = (peaks + vertex) * hop_samples(sample_rate) / sample_rate
    step = loop.shape[-1] / sample_rate / (n_beats * STEPS_PER_BEAT)
    late = (seconds - _lag(seconds, step) + step / 2) % step - step / 2
    return float(np.mean(np.abs(late) <= TOLERANCE_SECONDS))


def _lag(seconds: Float[np.ndarray, " onset"], step: float) -> float:
    """How far after their grid the onsets lie on the whole: attacks take their time."""
    angle = np.angle(np.exp(2j * np.pi * seconds / step).sum())
    return float(angle / (2 * np.pi) * step)
