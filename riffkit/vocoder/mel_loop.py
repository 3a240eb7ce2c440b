"""A loop of sound that is to have given mel rows, and the turn that brings it nearer to them."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32

from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.frames import centred_window, cut_frames, inverse_overlap, overlap_frames
from riffkit.vocoder.mel_bank import MelBank
from riffkit.vocoder.mel_constraint import enforce_mel, smooth_magnitude
from riffkit.vocoder.start_spectra import KnownPoints, StartSpectra

FRAMES_PER_BLOCK = 32  # their spectra stay in a core's cache
LARGEST_RATIO = 20.0

Loop = Float32[np.ndarray, "channel sample"]
Spectra = Complex64[np.ndarray, "channel frame bin"]
Target = Float32[np.ndarray, "plane frame mel"]


@dataclass(eq=False)
class _Block:
    """Neighbouring frames, which one thread works on at a time."""

    first_frame: int
    target: Target
    previous: Spectra


@dataclass(eq=False)
class MelLoop:
    """Mel-constrained Griffin-Lim on `target`, whose last frame is followed by its first.

    With one plane more than `n_channels`, the last plane is the mel of the channels' mean.
    """

    target: Target
    n_channels: int
    analysis: Analysis
    bank: MelBank
    pool: Executor
    blocks: list[_Block] = field(init=False)

    def __post_init__(self) -> None:
        self.window = centred_window(self.analysis)
        self.level = np.tile(
            inverse_overlap(self.window, self.analysis.hop_samples), self.target.shape[1]
        )
        self.blocks = []
        for first in range(0, self.target.shape[1], FRAMES_PER_BLOCK):
            target = np.ascontiguousarray(self.target[:, first : first + FRAMES_PER_BLOCK])
            shape = (self.n_channels, target.shape[1], self.analysis.n_bins)
            self.blocks.append(_Block(first, target, np.zeros(shape, np.complex64)))

    def smooth_magnitude(self) -> Float32[np.ndarray, "plane frame bin"]:
        """The smoothest magnitudes with these mel rows."""

        def smooth(block: _Block) -> Float32[np.ndarray, "plane frame bin"]:
            return smooth_magnitude(block.target, self.bank, self.analysis.n_bins)

        return np.concatenate(list(self.pool.map(smooth, self.blocks)), axis=1)

    def synthesize(self, start: StartSpectra) -> Loop:
        """The loop whose frames come nearest to these spectra (Griffin and Lim, eq. 6)."""

        def strip(block: _Block) -> Float32[np.ndarray, "channel strip_sample"]:
            spectra = start.frames(block.first_frame, block.first_frame + block.target.shape[1])
            spectra[..., 1::2] *= -1  # half a transform later than the frame's start
            return self._strip(spectra)

        return self._join(list(self.pool.map(strip, self.blocks)))

    def turn(self, loop: Loop, *, momentum: float, known: KnownPoints | None = None) -> Loop:
        """One iteration: analyse, enforce the mel rows but where it is known, synthesise."""

        def strip(block: _Block) -> Float32[np.ndarray, "channel strip_sample"]:
            spectra = self._analyze(loop, block)
            enforce_mel(
                spectra,
                block.previous,
                block.target,
                self.bank,
                momentum=momentum,
                limit=LARGEST_RATIO,
            )
            if known is not None:
                self._keep(spectra, block, known)
            return self._strip(spectra)

        return self._join(list(self.pool.map(strip, self.blocks)))

    def spectra(self, loop: Loop) -> Spectra:
        """All frames of `loop`, with the phase that each has at its centre."""
        frames = list(self.pool.map(lambda block: self._analyze(loop, block), self.blocks))
        spectra = np.concatenate(frames, axis=1)
        spectra[..., 1::2] *= -1
        return spectra

    def _keep(self, spectra: Spectra, block: _Block, known: KnownPoints) -> None:
        frames = slice(block.first_frame, block.first_frame + block.target.shape[1])
        given = known.spectra[:, frames].copy()
        given[..., 1::2] *= -1
        np.copyto(spectra, given, where=known.is_known[frames])

    def _analyze(self, loop: Loop, block: _Block) -> Spectra:
        frames = np.empty((self.n_channels, block.target.shape[1], len(self.window)), np.float32)
        hop = self.analysis.hop_samples
        for channel, channel_frames in zip(loop, frames, strict=True):
            cut_frames(channel, self.window, hop, block.first_frame, channel_frames)
        spectra: Spectra = scipy.fft.rfft(frames, overwrite_x=True)
        return spectra

    def _strip(self, spectra: Spectra) -> Float32[np.ndarray, "channel strip_sample"]:
        frames = scipy.fft.irfft(spectra, n=self.analysis.n_fft, overwrite_x=True)
        hop = self.analysis.hop_samples
        size = (frames.shape[1] - 1) * hop + self.analysis.n_fft
        strips = np.empty((len(frames), size), np.float32)
        for channel_frames, strip in zip(frames, strips, strict=True):
            overlap_frames(channel_frames, self.window, hop, strip)
        return strips

    def _join(self, strips: list[Float32[np.ndarray, "channel _strip_sample"]]) -> Loop:
        """Sum the blocks' strips round the loop, and undo the windows' sum."""
        loop = np.zeros((self.n_channels, len(self.level)), np.float32)
        for block, strip in zip(self.blocks, strips, strict=True):
            start = block.first_frame * self.analysis.hop_samples - self.analysis.n_fft // 2
            add_round(loop, strip, start)
        loop *= self.level
        return loop


def add_round(loop: Loop, strip: Float32[np.ndarray, "channel strip_sample"], start: int) -> None:
    """Add `strip` to `loop` from `start` on, round its end as often as it takes."""
    n_samples = loop.shape[1]
    done = 0
    while done < strip.shape[1]:
        place = (start + done) % n_samples
        run = min(strip.shape[1] - done, n_samples - place)
        loop[:, place : place + run] += strip[:, done : done + run]
        done += run
