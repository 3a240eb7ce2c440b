"""The phase from which the channels' iterations start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex64, Float32

from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.phase_gradient import phase_from_magnitude

QUIETEST_MID = np.float32(0.05)  # of left + right: below it the two cancel, and mid says nothing
OPPOSED = np.float32(-0.8)  # cosine of the angle between left and right


@dataclass(frozen=True, eq=False)
class KnownFrames:
    """Spectra that are given, and in which frames they are."""

    spectra: Complex64[np.ndarray, "channel frame bin"]
    is_known: Bool[np.ndarray, " frame"]


def start_phases(
    magnitude: Float32[np.ndarray, "plane frame bin"],
    n_channels: int,
    analysis: Analysis,
    *,
    seed: int,
    known: KnownFrames | None = None,
) -> Float32[np.ndarray, "channel frame bin"]:
    """One phase for both channels, so that the image between them stays where it is.

    It is integrated on the mid where there is one. The law of cosines on |left|, |right| and
    |left + right| tells the angle between the channels; where they oppose each other, right is
    turned round. What lies in between is left to the iterations.
    """
    guide = magnitude[:n_channels].sum(axis=0)
    if len(magnitude) > n_channels:
        guide = np.maximum(magnitude[-1], QUIETEST_MID * guide)
    given = None if known is None else _phase_of_mean(known)
    phase = phase_from_magnitude(guide, analysis, seed=seed, known=given)
    phases = np.repeat(phase[None], n_channels, axis=0)
    if len(magnitude) > n_channels:
        left, right, mid = magnitude
        product = (2 * mid) ** 2 - left**2 - right**2  # 2 |left| |right| cos
        phases[1] += np.float32(np.pi) * (product < 2 * OPPOSED * left * right)
    if known is not None:
        phases[:, known.is_known] = np.angle(known.spectra[:, known.is_known])
    return phases


def _phase_of_mean(known: KnownFrames) -> Float32[np.ndarray, "frame bin"]:
    """The phase of mid in the frames that are known, NaN in the others."""
    phase = np.angle(known.spectra.mean(axis=0))
    phase[~known.is_known] = np.nan
    return phase
