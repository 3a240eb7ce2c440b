"""Rendered tracks mixed to a loop of even level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from riffkit.music.mixing import mix
from riffkit.score.notes import Score

_PEAK = 0.891  # -1 dBFS
_LOUDNESS = 0.126  # -18 dBFS


def mix_down(
    dry: Sequence[Float[np.ndarray, "2 sample"]], score: Score, sample_rate: int
) -> Float[np.ndarray, "2 sample"]:
    """Tracks as the soundfont gives them to one loop at about -18 dBFS, peak at most -1 dBFS."""
    wet = mix(dry, score, sample_rate).waveform
    gain = _LOUDNESS / max(float(np.sqrt(np.mean(wet**2))), 1e-5)
    return (wet * min(gain, _PEAK / max(float(np.abs(wet).max()), 1e-5))).astype(np.float32)
