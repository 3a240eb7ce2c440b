"""Griffin-Lim under the constraint of the mel image itself.

Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984, go back and
forth between a waveform and a spectrogram of fixed magnitude. A mel image fixes no magnitude, only
sums over bands: so here each turn scales the spectrum until its mel rows fit (mel_constraint.py),
starting from the phase that the magnitude's gradient implies (phase_gradient.py).

All work is done on a loop, at the lowest sample rate that holds the band. An open clip is a loop
with some mirrored columns between its end and its start.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.vocoder.base import Quality, check_input
from riffkit.vocoder.grid import working_analysis
from riffkit.vocoder.known_sound import KnownSound, impose, known_frames
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_loop import MelLoop
from riffkit.vocoder.start_phase import KnownFrames, start_phases

ITERATIONS: dict[Quality, int] = {"preview": 2, "default": 5, "high": 32}
MOMENTUM = 0.8

Columns = Float32[np.ndarray, "plane frame mel"]
Sound = Float32[np.ndarray, "channel sample"]


class GriffinLim:
    """The built-in vocoder: no weights; any preset and tempo, loops, stereo, blocks that join."""

    name = "griffin-lim"

    def __call__(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        seed: int = 0,
        circular: bool = False,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """See `Vocoder`. `seed` draws the phase of what lies 80 dB below the loudest point."""
        check_input(mel, params, n_samples=n_samples, quality=quality)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            work = _Work(params, mel.shape[-1], n_samples, ITERATIONS[quality], seed, pool)
            decode = work.decode_loop if circular else work.decode_clip
            return torch.stack([decode(columns) for columns in _columns(mel)])

    def continue_from(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        before: Float[Tensor, "batch channel before_sample"],
        after: Float[Tensor, "batch channel after_sample"] | None = None,
        seed: int = 0,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """See `ContinuingVocoder`."""
        check_input(mel, params, n_samples=n_samples, quality=quality)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            work = _Work(params, mel.shape[-1], n_samples, ITERATIONS[quality], seed, pool)
            ends = [before] if after is None else [before, after]
            return torch.stack(
                [
                    work.decode_clip(columns, *(end[k] for end in ends))
                    for k, columns in enumerate(_columns(mel))
                ]
            )


def _columns(mel: Float[Tensor, "batch plane mel frame"]) -> list[Columns]:
    magnitudes = mel.detach().to("cpu", torch.float32).numpy()
    return list(np.ascontiguousarray(magnitudes.transpose(0, 1, 3, 2)))


class _Work:
    """What the items of a batch share: sizes, effort, threads."""

    def __init__(
        self,
        params: SpectrogramParams,
        n_frames: int,
        n_samples: int,
        n_iterations: int,
        seed: int,
        pool: Executor,
    ) -> None:
        self.params = params
        self.n_samples = n_samples
        self.n_iterations = n_iterations
        self.seed = seed
        self.pool = pool
        self.analysis = working_analysis(params, n_frames=n_frames, n_samples=n_samples)

    def decode_loop(self, columns: Columns) -> Float[Tensor, "channel sample"]:
        """The loop begun at a column that the content names, so that turning it changes nothing."""
        first = _first_column(columns)
        loop = self._solve(np.roll(columns, -first, axis=1))
        loop = np.roll(loop, first * self.analysis.hop_samples, axis=1)
        return resample(
            torch.from_numpy(loop),
            self.analysis.sample_rate,
            self.params.sample_rate,
            n_samples=self.n_samples,
            circular=True,
        )

    def decode_clip(
        self, columns: Columns, *ends: Float[Tensor, "channel _end_sample"]
    ) -> Float[Tensor, "channel sample"]:
        """A loop with mirrored columns at both ends, as many as a window can see.

        `ends`: the sound of the first columns, and of the last, where that is given.
        """
        hop = self.analysis.hop_samples
        n_frames = columns.shape[1]
        margin = self.analysis.n_fft // 2 // hop + 1
        known = []
        for k, end in enumerate(ends):
            sound = self._to_columns(end, n_frames)
            n_known = sound.shape[1] // hop
            known.append(KnownSound(margin + (n_frames - n_known if k else 0), sound))
        padded = np.pad(columns, ((0, 0), (margin, margin), (0, 0)), mode="symmetric")
        loop = torch.from_numpy(self._solve(padded, known))
        # The resampler hears the margins too: no ringing where the clip begins and ends.
        resampled = resample(loop, self.analysis.sample_rate, self.params.sample_rate)
        start = round(margin * self.n_samples / n_frames)
        return resampled[:, start : start + self.n_samples].contiguous()

    def _solve(self, columns: Columns, known: list[KnownSound] | None = None) -> Sound:
        known = known or []
        n_channels = self.params.planes.n_channels
        bank = mel_bank(self.params, self.analysis)
        solver = MelLoop(columns, n_channels, self.analysis, bank, self.pool)
        frames = self._frames_of(known, solver) if known else None
        magnitude = solver.smooth_magnitude()
        phases = start_phases(magnitude, n_channels, self.analysis, seed=self.seed, known=frames)
        loop = solver.synthesize(magnitude[:n_channels], phases)
        for k in range(self.n_iterations):
            loop = impose(loop, known, self.analysis)
            loop = solver.turn(loop, momentum=MOMENTUM if k > 0 else 0.0)
        return impose(loop, known, self.analysis)

    def _frames_of(self, known: list[KnownSound], solver: MelLoop) -> KnownFrames:
        n_frames = solver.target.shape[1]
        silence = np.zeros((solver.n_channels, n_frames * self.analysis.hop_samples), np.float32)
        spectra = solver.spectra(impose(silence, known, self.analysis))
        return KnownFrames(spectra, known_frames(known, self.analysis, n_frames))

    def _to_columns(self, sound: Float[Tensor, "channel end_sample"], n_frames: int) -> Sound:
        """Sound at params.sample_rate as a whole number of working hops."""
        n_columns = round(sound.shape[-1] * n_frames / self.n_samples)
        if not 1 <= n_columns <= n_frames:
            raise ParameterError(
                f"known sound of {sound.shape[-1]} samples: must be 1 to {n_frames} columns long"
            )
        resampled: Sound = resample(
            sound,
            self.params.sample_rate,
            self.analysis.sample_rate,
            n_samples=n_columns * self.analysis.hop_samples,
        ).numpy()
        return resampled


def _first_column(columns: Columns) -> int:
    """The loudest column; of several, the one that the louder columns follow."""
    loudness = np.ascontiguousarray(columns.transpose(1, 0, 2)).sum((1, 2), dtype=np.float64)
    n_frames = len(loudness)
    first = np.arange(n_frames)
    for offset in range(n_frames):
        following = loudness[(first + offset) % n_frames]
        first = first[following == following.max()]
        if len(first) == 1:
            break
    return int(first[0])
