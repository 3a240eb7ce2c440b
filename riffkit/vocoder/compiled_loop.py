"""Griffin-Lim's arithmetic on a CPU: one loop at a time, in blocks of frames, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import scipy.fft
import torch
from jaxtyping import Complex64, Float32

from riffkit.vocoder.backend import LARGEST_RATIO, LoopProblem, Loops
from riffkit.vocoder.grid import centred_window, cut_frames, inverse_overlap, overlap_frames
from riffkit.vocoder.mel_constraint import enforce_mel, smooth_magnitude
from riffkit.vocoder.start_spectra import KnownPoints, StartSpectra

FRAMES_PER_BLOCK = 32  # their spectra stay in a core's cache

Result = TypeVar("Result")
Loop = Float32[np.ndarray, "channel _sample"]
Spectra = Complex64[np.ndarray, "channel frame bin"]
Target = Float32[np.ndarray, "plane frame mel"]
Strip = Float32[np.ndarray, "channel _strip_sample"]


class _Block:
    """Neighboring frames, which one thread works on at a time."""

    def __init__(self, first: int, target: Target, n_channels: int, n_bins: int) -> None:
        self.first = first
        self.end = first + target.shape[1]
        self.target = np.ascontiguousarray(target)
        self.previous: Spectra = np.zeros((n_channels, target.shape[1], n_bins), np.complex64)


class CompiledLoop:
    """A `LoopBackend` for problems of one item, whose pool runs the blocks."""

    def __init__(self, problem: LoopProblem) -> None:
        assert problem.pool is not None
        (target,) = problem.target.numpy()
        self._problem = problem
        self._pool = problem.pool
        self._bank = problem.bank
        self._analyses = [band.analysis for band in problem.bands]
        self._bins = [
            slice(*ends)
            for ends in np.lib.stride_tricks.sliding_window_view(self._bank.bin_bounds, 2).tolist()
        ]
        self._windows = [centred_window(analysis) for analysis in self._analyses]
        self._levels = [
            np.tile(inverse_overlap(window, analysis.hop_samples), target.shape[1])
            for window, analysis in zip(self._windows, self._analyses, strict=True)
        ]
        n_bins = int(self._bank.bin_bounds[-1])
        self._blocks = [
            _Block(first, target[:, first : first + FRAMES_PER_BLOCK], problem.n_channels, n_bins)
            for first in range(0, target.shape[1], FRAMES_PER_BLOCK)
        ]
        self._known = self._known_points()

    def start(self) -> Loops:
        """See `LoopBackend`; the phase is integrated separately in each band."""
        n_bins = int(self._bank.bin_bounds[-1])
        magnitude = np.concatenate(
            self._map(lambda block: smooth_magnitude(block.target, self._bank, n_bins)), axis=1
        )
        starts = [
            StartSpectra.find(
                np.ascontiguousarray(magnitude[..., bins]),
                self._problem.n_channels,
                analysis,
                seed=self._problem.seed,
                pool=self._pool,
                known=None if self._known is None else self._known.of_bins(bins),
            )
            for bins, analysis in zip(self._bins, self._analyses, strict=True)
        ]

        def strips(block: _Block) -> list[Strip]:
            spectra = [start.frames(block.first, block.end) for start in starts]
            return self._strips(self._turned(np.concatenate(spectra, axis=2)))

        return self._join(self._map(strips))

    def iterate(self, loops: Loops, *, momentum: float) -> Loops:
        """See `LoopBackend`."""
        given = [loop[0].numpy() for loop in loops]

        def strips(block: _Block) -> list[Strip]:
            spectra = self._analyze(given, block)
            enforce_mel(
                spectra,
                block.previous,
                block.target,
                self._bank,
                momentum=momentum,
                limit=LARGEST_RATIO,
            )
            if self._known is not None:
                frames = slice(block.first, block.end)
                known = self._turned(self._known.spectra[:, frames].copy())
                np.copyto(spectra, known, where=self._known.is_known[frames])
            return self._strips(spectra)

        return self._join(self._map(strips))

    def _map(self, work: Callable[[_Block], Result]) -> list[Result]:
        return list(self._pool.map(work, self._blocks))

    def _turned(self, spectra: Spectra) -> Spectra:
        """Convert, in place, from the phase at the frames' centers to their start, or back."""
        for bins in self._bins:
            spectra[..., bins][..., 1::2] *= -1
        return spectra

    def _known_points(self) -> KnownPoints | None:
        known = self._problem.known
        if known is None:
            return None
        loops = [loop[0].numpy() for loop in known.loops]
        frames = self._map(lambda block: self._analyze(loops, block))
        spectra = self._turned(np.concatenate(frames, axis=1))
        is_known = np.concatenate([points[0].numpy() for points in known.is_known], axis=1)
        return KnownPoints(spectra, is_known)

    def _analyze(self, loops: list[Loop], block: _Block) -> Spectra:
        parts = []
        for loop, window, analysis in zip(loops, self._windows, self._analyses, strict=True):
            frames = np.empty((len(loop), block.end - block.first, len(window)), np.float32)
            for channel, channel_frames in zip(loop, frames, strict=True):
                cut_frames(channel, window, analysis.hop_samples, block.first, channel_frames)
            parts.append(scipy.fft.rfft(frames, overwrite_x=True))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _strips(self, spectra: Spectra) -> list[Strip]:
        """The overlap-added frames of each block."""
        strips = []
        for bins, window, analysis in zip(self._bins, self._windows, self._analyses, strict=True):
            frames = scipy.fft.irfft(spectra[..., bins], n=analysis.n_fft, overwrite_x=True)
            n_samples = (frames.shape[1] - 1) * analysis.hop_samples + analysis.n_fft
            strip = np.empty((len(frames), n_samples), np.float32)
            for channel_frames, channel in zip(frames, strip, strict=True):
                overlap_frames(channel_frames, window, analysis.hop_samples, channel)
            strips.append(strip)
        return strips

    def _join(self, strips: list[list[Strip]]) -> Loops:
        """The loops whose frames come nearest to the spectra (Griffin and Lim, eq. 6)."""

        def join(k: int) -> Loop:
            analysis, level = self._analyses[k], self._levels[k]
            loop = np.zeros((self._problem.n_channels, len(level)), np.float32)
            for block, strip in zip(self._blocks, strips, strict=True):
                add_round(loop, strip[k], block.first * analysis.hop_samples - analysis.n_fft // 2)
            loop *= level
            return loop

        loops = self._pool.map(join, range(len(self._analyses)))
        return [torch.from_numpy(loop)[None] for loop in loops]


def add_round(loop: Loop, strip: Strip, start: int) -> None:
    """Add `strip` to `loop` from `start` on, wrapping around its end as needed."""
    n_samples = loop.shape[1]
    done = 0
    while done < strip.shape[1]:
        place = (start + done) % n_samples
        run = min(strip.shape[1] - done, n_samples - place)
        loop[:, place : place + run] += strip[:, done : done + run]
        done += run
