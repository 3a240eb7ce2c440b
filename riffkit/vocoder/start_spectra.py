"""The spectra from which the channels' iterations start."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex64, Float32

from riffkit.compiled import compiled
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.phase_gradient import phase_from_magnitude

QUIETEST_MID = np.float32(0.05)  # of left + right: below it the two cancel, and mid says nothing
TINY = np.float32(1e-12)

Spectra = Complex64[np.ndarray, "channel frame bin"]
Points = Float32[np.ndarray, "frame bin"]


@dataclass(frozen=True, eq=False)
class KnownPoints:
    """Known spectra, with the phase at the frames' centers, and a mask of the known points."""

    spectra: Spectra
    is_known: Bool[np.ndarray, "frame bin"]

    def of_bins(self, bins: slice) -> KnownPoints:
        """Those of some bins."""
        return KnownPoints(self.spectra[..., bins], self.is_known[:, bins])


@dataclass(frozen=True, eq=False)
class StartSpectra:
    """The initial magnitudes implied by the mel rows, with a phase consistent across channels.

    One phase is integrated, on the mid where there is one. The law of cosines on |left|, |right|
    and |left + right| tells the angle between the channels, but not which is ahead: the one that
    is where the sound is known, else left.
    """

    magnitude: Float32[np.ndarray, "plane frame bin"]
    n_channels: int
    phase: Points
    leads: Float32[np.ndarray, " bin"]
    known: KnownPoints | None

    @classmethod
    def find(
        cls,
        magnitude: Float32[np.ndarray, "plane frame bin"],
        n_channels: int,
        analysis: Analysis,
        *,
        seed: int,
        pool: Executor,
        known: KnownPoints | None = None,
    ) -> StartSpectra:
        """Integrate the phase; see phase_gradient.py."""
        guide = magnitude[:n_channels].sum(axis=0) if n_channels > 1 else magnitude[0]
        if len(magnitude) > n_channels:
            guide = np.maximum(magnitude[-1], QUIETEST_MID * guide)
        given = None if known is None else _phase_of_mean(known)
        phase = phase_from_magnitude(guide, analysis, seed=seed, pool=pool, known=given)
        leads = np.ones(magnitude.shape[-1], np.float32)
        if known is not None and n_channels > 1:
            left, right = known.spectra * known.is_known
            leads[(left * right.conj()).sum(axis=0).imag < 0] = -1
        return cls(magnitude, n_channels, phase, leads, known)

    def frames(self, first: int, last: int) -> Spectra:
        """The spectra of some frames, with the phase at their centers."""
        cosine, sine = np.cos(self.phase[first:last]), np.sin(self.phase[first:last])
        magnitude = self.magnitude[:, first:last]
        spectra = np.empty((self.n_channels, *cosine.shape), np.complex64)
        if len(magnitude) > self.n_channels:
            _part(cosine, sine, self.leads, *magnitude, *spectra)
        else:
            np.multiply(magnitude, cosine, out=spectra.real)
            np.multiply(magnitude, sine, out=spectra.imag)
        if self.known is not None:
            part = self.known.spectra[:, first:last]
            np.copyto(spectra, part, where=self.known.is_known[first:last])
        return spectra


@compiled
def _part(
    cosine: Points,
    sine: Points,
    leads: Float32[np.ndarray, " bin"],
    left_magnitude: Points,
    right_magnitude: Points,
    mid_magnitude: Points,
    left: Complex64[np.ndarray, "frame bin"],
    right: Complex64[np.ndarray, "frame bin"],
) -> None:
    """Left turned on and right turned back from the phase of their sum, so that it is 2 mid.

    Where `leads` is -1 the other way round. All angles stay cosines and sines.
    """
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    n_frames, n_bins = cosine.shape
    for k in range(n_frames):
        for b in range(n_bins):
            near, far, both = left_magnitude[k, b], right_magnitude[k, b], two * mid_magnitude[k, b]
            short = (near + far - both) * (near + far + both)
            versine = min(max(short / (two * near * far + TINY), zero), two)
            between_cos = one - versine
            between_sin = leads[b] * math.sqrt(versine * (two - versine))
            x, y = near + far * between_cos, far * between_sin
            scale = one / (math.sqrt(x * x + y * y) + TINY)
            x, y = x * scale, y * scale  # left's angle to the sum
            u, v = x * cosine[k, b] - y * sine[k, b], x * sine[k, b] + y * cosine[k, b]
            left[k, b] = complex(near * u, near * v)
            right[k, b] = complex(
                far * (u * between_cos + v * between_sin), far * (v * between_cos - u * between_sin)
            )


def _phase_of_mean(known: KnownPoints) -> Points:
    """The phase of mid at the points that are known, NaN at the others."""
    phase = np.angle(known.spectra.mean(axis=0))
    phase[~known.is_known] = np.nan
    return phase
