"""Plucked strings: a burst of noise round a delay line that damps it (Karplus and Strong 1983).

The damping and the fraction of a sample that tunes the string are one filter of four taps (Jaffe
and Smith 1983), its phase delay solved at the fundamental, so that a note is in tune.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import signal

from train.sounds.voices import SAMPLE_RATE, Stereo, seconds

_DAMPED_S = 0.06


@dataclass(frozen=True)
class PluckedVoice:
    """`ring_s`: time to -60 dB of a middle C's fundamental, `dullness` 0 (bright) to 0.5.

    `position` (0 to 0.5) is where the string is plucked, `seed` the noise it is plucked with.
    """

    ring_s: float = 3.0
    dullness: float = 0.3
    position: float = 0.2
    damped_s: float = _DAMPED_S
    seed: int = 0

    def play(self, note_hz: float, held_s: float, loudness: float) -> Stereo:
        ring_s = self.ring_s * (262 / note_hz) ** 0.5
        sounding_s = min(ring_s, held_s + 4 * self.damped_s)
        time_s = seconds(sounding_s)
        period = SAMPLE_RATE / note_hz
        excitation = np.zeros(len(time_s))
        burst = self._burst(round(period), loudness)[: len(time_s)]
        excitation[: len(burst)] = burst
        string = signal.lfilter([1.0], self._loop_filter(note_hz, ring_s), excitation)
        damping = np.exp(-np.maximum(time_s - held_s, 0) / self.damped_s)
        damping *= np.clip((sounding_s - time_s) / 0.005, 0, 1)
        sound = (0.5 * loudness * string * damping).astype(np.float32)
        return np.stack((sound, sound))

    def _burst(self, n: int, loudness: float) -> Float[np.ndarray, " n"]:
        """One period of noise, duller when played softly, with the comb of the plucked place."""
        noise = np.random.default_rng(self.seed).uniform(-1, 1, n)
        spectrum = np.fft.rfft(noise)
        partial = np.arange(len(spectrum))
        spectrum *= np.sin(np.pi * partial * self.position)
        spectrum /= 1 + partial / (4 + 60 * loudness**2)
        burst = np.fft.irfft(spectrum, n)
        scaled: Float[np.ndarray, " n"] = burst / max(float(np.abs(burst).max()), 1e-9)
        return scaled

    def _loop_filter(self, note_hz: float, ring_s: float) -> Float[np.ndarray, " tap"]:
        """1 - gain · (damping · tuning) · z^-n, as the denominator of a filter."""
        turn = 2 * np.pi * note_hz / SAMPLE_RATE
        delay = SAMPLE_RATE / note_hz - _phase_delay(self.dullness, turn)
        whole = int(delay)
        share = _share_of_delay(delay - whole, turn)
        taps = np.convolve((1 - self.dullness, self.dullness), (1 - share, share))
        loss = abs(1 - self.dullness + self.dullness * np.exp(-1j * turn))
        gain = min(10 ** (-3 / (note_hz * ring_s)) / loss, 0.99999)
        denominator = np.zeros(whole + len(taps))
        denominator[0] = 1.0
        denominator[whole:] -= gain * taps
        return denominator


def _phase_delay(share: float, turn: float) -> float:
    """Samples by which 1 - share + share · z^-1 delays a partial of `turn` radians a sample."""
    return float(np.arctan2(share * np.sin(turn), 1 - share + share * np.cos(turn)) / turn)


def _share_of_delay(delay: float, turn: float) -> float:
    """The inverse of `_phase_delay`."""
    slope = np.tan(delay * turn)
    return float(slope / (np.sin(turn) + slope * (1 - np.cos(turn))))
