"""Sound that is already there, and which a vocoder goes on from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from riffkit.spectrogram.stft import Analysis


@dataclass(frozen=True, eq=False)
class KnownSound:
    """A stretch of a loop that is given, from a frame on, at the loop's rate."""

    first_frame: int
    sound: Float32[np.ndarray, "channel known_sample"]

    def place(self, analysis: Analysis) -> slice:
        """Its samples in the loop."""
        start = self.first_frame * analysis.hop_samples
        return slice(start, start + self.sound.shape[1])


def impose(
    loop: Float32[np.ndarray, "channel sample"], known: list[KnownSound], analysis: Analysis
) -> Float32[np.ndarray, "channel sample"]:
    """`loop` with the known sound in its place, faded in and out within half a window."""
    for part in known:
        place = part.place(analysis)
        n_samples = part.sound.shape[1]
        n_fade = min(analysis.window_samples // 2, n_samples // 4)
        rise = np.sin(0.5 * np.pi * (np.arange(n_fade, dtype=np.float32) + 0.5) / n_fade) ** 2
        weight = np.ones(n_samples, np.float32)
        weight[:n_fade] = rise
        weight[n_samples - n_fade :] = rise[::-1]
        loop[:, place] += weight * (part.sound - loop[:, place])
    return loop


def known_frames(
    known: list[KnownSound], analysis: Analysis, n_frames: int
) -> Bool[np.ndarray, " frame"]:
    """Which frames lie in known sound with their whole window."""
    centre = np.arange(n_frames) * analysis.hop_samples
    reach = analysis.n_fft // 2
    inside = np.zeros(n_frames, np.bool_)
    for part in known:
        place = part.place(analysis)
        inside |= (centre - reach >= place.start) & (centre + reach <= place.stop)
    return inside
