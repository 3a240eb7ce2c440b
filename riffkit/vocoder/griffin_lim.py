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
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.vocoder.base import KnownSound, Quality, check_input
from riffkit.vocoder.grid import working_analysis
from riffkit.vocoder.known_sound import known_loop
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.mel_loop import MelLoop
from riffkit.vocoder.phase_network import PhaseNetwork, find_changes
from riffkit.vocoder.start_spectra import KnownPoints, StartSpectra
from riffkit.vocoder.tensor_griffin_lim import solve_loops

ITERATIONS: dict[Quality, int] = {"preview": 1, "default": 3, "high": 32}
MOMENTUM = 0.8
TENSOR_BATCH = 16  # items on a GPU at a time, which bounds its memory

Columns = Float32[np.ndarray, "plane frame mel"]
Sound = Float32[np.ndarray, "channel loop_sample"]
Cells = Bool[np.ndarray, "frame mel"]


class GriffinLim:
    """The built-in vocoder: no weights; any preset and tempo, loops, stereo, known sound.

    Mel magnitudes on a GPU are decoded there, the whole batch at once (tensor_griffin_lim.py), and
    on the CPU by compiled loops. `as_tensors` chooses one of the two wherever they lie.
    """

    name = "griffin-lim"
    iterations = ITERATIONS
    phase_network: PhaseNetwork | None = None
    """Finds the phase that the iterations start from (neural.py)."""

    def __init__(self, *, as_tensors: bool | None = None) -> None:
        self.as_tensors = as_tensors

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
            work = self._work(mel, params, n_samples, quality, seed, pool)
            as_tensors = mel.is_cuda if self.as_tensors is None else self.as_tensors
            if as_tensors:
                return work.decode_tensors(mel, circular=circular)
            decode = work.decode_loop if circular else work.decode_clip
            return torch.stack([decode(columns, None) for columns in _columns(mel)])

    def inpaint(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        known: KnownSound,
        seed: int = 0,
        circular: bool = False,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """See `InpaintingVocoder`."""
        check_input(mel, params, n_samples=n_samples, quality=quality)
        wanted = (len(mel), params.planes.n_channels, n_samples)
        if known.waveform.shape != wanted or known.is_known.shape != mel.shape[2:]:
            raise ParameterError(
                f"known: {tuple(known.waveform.shape)} samples and "
                f"{tuple(known.is_known.shape)} cells; must be {wanted} and {tuple(mel.shape[2:])}"
            )
        cells = np.ascontiguousarray(known.is_known.cpu().numpy().T)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            work = self._work(mel, params, n_samples, quality, seed, pool)
            decode = work.decode_loop if circular else work.decode_clip
            return torch.stack(
                [
                    decode(columns, (work.to_columns(sound, circular=circular), cells))
                    for columns, sound in zip(_columns(mel), known.waveform, strict=True)
                ]
            )

    def _work(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        n_samples: int,
        quality: Quality,
        seed: int,
        pool: Executor,
    ) -> _Work:
        n_iterations = self.iterations[quality]
        return _Work(params, mel.shape[-1], n_samples, n_iterations, seed, pool, self.phase_network)


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
        phase_network: PhaseNetwork | None,
    ) -> None:
        self.phase_network = phase_network
        self.params = params
        self.n_frames = n_frames
        self.n_samples = n_samples
        self.n_iterations = n_iterations
        self.seed = seed
        self.pool = pool
        self.analysis = working_analysis(params, n_frames=n_frames, n_samples=n_samples)
        self.margin = self.analysis.n_fft // 2 // self.analysis.hop_samples + 1

    def to_columns(self, sound: Float[Tensor, "channel given_sample"], *, circular: bool) -> Sound:
        """Sound at params.sample_rate as the working hops of all columns."""
        resampled: Sound = resample(
            sound.detach().cpu(),
            self.params.sample_rate,
            self.analysis.sample_rate,
            n_samples=self.n_frames * self.analysis.hop_samples,
            circular=circular,
        ).numpy()
        return resampled

    def decode_loop(
        self, columns: Columns, known: tuple[Sound, Cells] | None
    ) -> Float[Tensor, "channel sample"]:
        """The loop begun at a column that the content names, so that turning it changes nothing."""
        hop = self.analysis.hop_samples
        first = _first_column(columns)
        if known is not None:
            loop, cells = known
            first = _first_known(cells, otherwise=first)
            known = np.roll(loop, -first * hop, axis=1), np.roll(cells, -first, axis=0)
        solved = self._solve(np.roll(columns, -first, axis=1), known)
        return self._loop_to_output(torch.from_numpy(np.roll(solved, first * hop, axis=1)))

    def decode_clip(
        self, columns: Columns, known: tuple[Sound, Cells] | None
    ) -> Float[Tensor, "channel sample"]:
        """A loop with mirrored columns at both ends, as many as a window can see."""
        margin = self.margin
        if known is not None:
            n_padded = margin * self.analysis.hop_samples
            known = (
                np.pad(known[0], ((0, 0), (n_padded, n_padded)), mode="symmetric"),
                np.pad(known[1], ((margin, margin), (0, 0)), mode="symmetric"),
            )
        padded = np.pad(columns, ((0, 0), (margin, margin), (0, 0)), mode="symmetric")
        return self._clip_to_output(torch.from_numpy(self._solve(padded, known)))

    def decode_tensors(
        self, mel: Float[Tensor, "batch plane mel frame"], *, circular: bool
    ) -> Float[Tensor, "batch channel sample"]:
        """All items on the device of `mel`, some at a time."""
        order = np.arange(self.n_frames)
        orders = [order] * len(mel)
        if circular:
            firsts = [_first_column(columns) for columns in _columns(mel)]
            orders = [np.roll(order, -first) for first in firsts]
        else:
            orders = [np.pad(order, self.margin, mode="symmetric")] * len(mel)
        decoded = []
        for start in range(0, len(mel), TENSOR_BATCH):
            part = slice(start, start + TENSOR_BATCH)
            taken = torch.from_numpy(np.stack(orders[part])).to(mel.device)
            target = mel[part].detach().float().transpose(2, 3)
            index = taken[:, None, :, None].expand(-1, target.shape[1], -1, target.shape[3])
            loops = solve_loops(
                target.gather(2, index),
                self.params.planes.n_channels,
                self.params,
                self.analysis,
                n_iterations=self.n_iterations,
                momentum=MOMENTUM,
                seed=self.seed,
            ).cpu()
            if circular:
                hop = self.analysis.hop_samples
                turned = zip(loops, firsts[part], strict=True)
                decoded += [self._loop_to_output(x.roll(first * hop, -1)) for x, first in turned]
            else:
                decoded += [self._clip_to_output(loop) for loop in loops]
        return torch.stack(decoded)

    def _loop_to_output(
        self, loop: Float[Tensor, "channel loop_sample"]
    ) -> Float[Tensor, "channel sample"]:
        return resample(
            loop,
            self.analysis.sample_rate,
            self.params.sample_rate,
            n_samples=self.n_samples,
            circular=True,
        )

    def _clip_to_output(
        self, loop: Float[Tensor, "channel loop_sample"]
    ) -> Float[Tensor, "channel sample"]:
        """The resampler hears the margins too: no ringing where the clip begins and ends."""
        resampled = resample(loop, self.analysis.sample_rate, self.params.sample_rate)
        start = round(self.margin * self.n_samples / self.n_frames)
        return resampled[:, start : start + self.n_samples].contiguous()

    def _solve(self, columns: Columns, known: tuple[Sound, Cells] | None) -> Sound:
        n_channels = self.params.planes.n_channels
        bank = mel_bank(self.params, self.analysis)
        solver = MelLoop(columns, n_channels, self.analysis, bank, self.pool)
        given, points = None, None
        if known is not None:
            given = known_loop(*known, bank.row_below, self.analysis)
            points = KnownPoints(solver.spectra(given.loop), given.is_known)
        magnitude, changes = solver.smooth_magnitude(), None
        if self.phase_network is not None:
            changes = find_changes(
                self.phase_network, columns, magnitude, self.params, self.analysis
            )
        start = StartSpectra.find(
            magnitude,
            n_channels,
            self.analysis,
            seed=self.seed,
            pool=self.pool,
            known=points,
            changes=changes,
        )
        loop = solver.synthesize(start)
        for k in range(self.n_iterations):
            if given is not None:
                loop = given.impose(loop, self.analysis)
            loop = solver.turn(loop, momentum=MOMENTUM if k > 0 else 0.0, known=points)
        return loop if given is None else given.impose(loop, self.analysis)


def _first_known(cells: Cells, *, otherwise: int) -> int:
    """A column where known sound begins, so that the loop's cut is not in the midst of it."""
    whole = cells.all(axis=1)
    begins = np.flatnonzero(whole & ~np.roll(whole, 1))
    return int(begins[0]) if len(begins) else otherwise


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
