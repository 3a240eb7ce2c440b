"""How loud a note is over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SILENT = 5.5  # time constants of a release until it is cut: -48 dB, then a short ramp to zero
_RAMP_S = 0.005


@dataclass(frozen=True)
class Envelope:
    """Linear attack, exponential decay to `sustain` (0 to 1), exponential release; in seconds.

    `decay_s` and `release_s` are time constants (to 37 %).
    """

    attack_s: float = 0.005
    decay_s: float = 0.3
    sustain: float = 0.7
    release_s: float = 0.1

    def sounding_s(self, held_s: float) -> float:
        """From the attack to where the note can be cut off."""
        return held_s + _SILENT * self.release_s + _RAMP_S

    def level(self, time_s: Float[np.ndarray, " t"], held_s: float) -> Float[np.ndarray, " t"]:
        """The level at times from 0 to `sounding_s(held_s)`."""
        level = self._held(time_s)
        at_release = float(self._held(np.array([held_s], np.float32))[0])
        after = time_s >= held_s
        level[after] = at_release * np.exp(-(time_s[after] - held_s) / self.release_s)
        end_s = self.sounding_s(held_s)
        ramp: Float[np.ndarray, " t"] = level * np.clip((end_s - time_s) / _RAMP_S, 0, 1)
        return ramp

    def _held(self, time_s: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
        decaying = np.exp(-np.maximum(time_s - self.attack_s, 0) / self.decay_s)
        shape: Float[np.ndarray, " t"] = self.sustain + (1 - self.sustain) * decaying
        return shape * np.minimum(1, time_s / self.attack_s)
