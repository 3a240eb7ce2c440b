"""Which key a clip is in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.chroma import chroma_in_tune
from riffkit.analysis.key_profile import MAJOR, MINOR
from riffkit.limits import MAJOR_KEYS, MINOR_KEYS

CLEAR = 0.34
"""Of renders and generated clips in a key, 115 of 116 have this confidence; of drums alone 9 of
44, whose toms or timpani are tuned, and of noise none of 36."""


@dataclass(frozen=True)
class Key:
    """A tonic and mode such as "A minor".

    `confidence`, from 0 to 1, is how well the pitch classes fit the key, and how far the clip is in
    tune with itself.
    """

    name: str
    confidence: float

    @property
    def is_clear(self) -> bool:
        """Whether the clip has a key at all; which of two that are akin stays open."""
        return self.confidence >= CLEAR


def key(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> Key | None:
    """The key that best matches a clip's pitch classes, or None for silence."""
    shares, in_tune = chroma_in_tune(waveform, sample_rate)
    return chroma_to_key(shares, in_tune=in_tune) if shares.any() else None


def chroma_to_key(shares: Float[np.ndarray, " pitch_class"], *, in_tune: float = 1.0) -> Key:
    """The key whose profile correlates best with the shares of the pitch classes."""
    modes = (("major", MAJOR, MAJOR_KEYS), ("minor", MINOR, MINOR_KEYS))
    scores = {
        f"{tonic} {mode}": float(np.corrcoef(shares, np.roll(profile, semitones))[0, 1])
        for mode, profile, tonics in modes
        for semitones, tonic in enumerate(tonics)
    }
    best = max(scores, key=scores.__getitem__)
    return Key(best, float(np.clip(scores[best], 0, 1)) * in_tune**0.25)
