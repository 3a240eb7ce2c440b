"""Which key a clip is in."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.chroma import chroma_in_tune
from riffkit.analysis.key_profile import Key, chroma_to_key


def key(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> Key | None:
    """The key that best matches a clip's pitch classes, or None for silence."""
    shares, in_tune = chroma_in_tune(waveform, sample_rate)
    return chroma_to_key(shares, in_tune=in_tune) if shares.any() else None
