"""Griffin-Lim under the constraint of the mel image itself.

Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984, alternate
between a waveform and a spectrogram of fixed magnitude. A mel image only fixes sums over bands, so
here each iteration scales the spectrum until its mel rows match (mel_constraint.py), starting from
the phase that the magnitude's gradient implies (phase_gradient.py). Where an image has several
windows, each works in its own transform at its own rate, and a crossover joins them (crossover.py).

Everything is computed on a loop, at the lowest sample rate that contains the band. An open clip
becomes a loop with some mirrored columns between its end and its start.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import next_smooth
from riffkit.vocoder.backend import LoopBackend, LoopProblem, solve
from riffkit.vocoder.base import KnownSound, Quality, check_input
from riffkit.vocoder.compiled_loop import CompiledLoop
from riffkit.vocoder.crossover import crossover
from riffkit.vocoder.grid import WorkingBand, working_bands
from riffkit.vocoder.known_sound import KnownLoops, known_loops
from riffkit.vocoder.mel_bank import mel_bank
from riffkit.vocoder.tensor_loop import TensorLoops

ITERATIONS: dict[Quality, int] = {"preview": 1, "default": 3, "high": 32}
TENSOR_BATCH = 16  # items on a GPU at a time, which bounds its memory

Columns = Float32[np.ndarray, "plane frame mel"]
Order = Int[np.ndarray, " loop_frame"]


class GriffinLim:
    """The built-in vocoder: no weights; any preset and tempo, loops, stereo, known sound.

    Mel magnitudes on a GPU are decoded there, many items at once (tensor_loop.py), and on the CPU
    by compiled loops (compiled_loop.py). `as_tensors` chooses one of the two wherever they lie.
    """

    name = "griffin-lim"

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
        """See `Vocoder`. `seed` draws the phase of points 80 dB below the loudest one."""
        check_input(mel, params, n_samples=n_samples, quality=quality)
        work = _Work(params, mel.shape[-1], n_samples, circular, quality, seed)
        return self._decode(mel, None, work)

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
        work = _Work(params, mel.shape[-1], n_samples, circular, quality, seed)
        return self._decode(mel, known, work)

    def _decode(
        self, mel: Float[Tensor, "batch plane mel frame"], known: KnownSound | None, work: _Work
    ) -> Float[Tensor, "batch channel sample"]:
        as_tensors = mel.is_cuda if self.as_tensors is None else self.as_tensors
        batch = TENSOR_BATCH if as_tensors else 1
        mel = mel.detach().float() if as_tensors else mel.detach().cpu().float()
        decoded = []
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for first in range(0, len(mel), batch):
                items = slice(first, first + batch)
                part = known and KnownSound(known.waveform[items], known.is_known)
                decoded.append(work.decode(mel[items], part, None if as_tensors else pool))
        return torch.cat(decoded)


@dataclass(frozen=True)
class _Work:
    """What all items share: sizes, quality, seed."""

    params: SpectrogramParams
    n_frames: int
    n_samples: int
    circular: bool
    quality: Quality
    seed: int

    @property
    def bands(self) -> tuple[WorkingBand, ...]:
        return working_bands(self.params, n_frames=self.n_frames, n_samples=self.n_samples)

    @property
    def hop_samples(self) -> int:
        return self.bands[-1].analysis.hop_samples

    @property
    def _margins(self) -> tuple[int, int]:
        """The mirrored columns before and after a clip: as many as a window can see.

        With several bands some more, so that the loop's Fourier series has a quick length.
        """
        sizes = [band.analysis for band in self.bands]
        margin = max(size.n_fft // 2 // size.hop_samples for size in sizes) + 1
        n_least = self.n_frames + 2 * margin
        more = next_smooth(n_least) - n_least if len(sizes) > 1 else 0
        return margin, margin + more

    def decode(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        known: KnownSound | None,
        pool: Executor | None,
    ) -> Float[Tensor, "batch channel sample"]:
        """Items that are worked on at once: one by compiled loops in `pool`, any without it."""
        cells = None if known is None else known.is_known.cpu().numpy().T
        orders = self._orders(mel, cells)
        problem = LoopProblem(
            target=_in_order(mel.transpose(2, 3), orders),
            params=self.params,
            bands=self.bands,
            seed=self.seed,
            known=None if known is None else self._known_loops(known, orders, mel.device),
            pool=pool,
        )
        backend: LoopBackend = TensorLoops(problem) if pool is None else CompiledLoop(problem)
        loops = solve(problem, backend, n_iterations=ITERATIONS[self.quality]).cpu()
        to_output = self._loop_to_output if self.circular else self._clip_to_output
        return torch.stack([to_output(*pair) for pair in zip(loops, orders, strict=True)])

    def _orders(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        cells: Bool[np.ndarray, "frame mel"] | None,
    ) -> list[Order]:
        """For each item, the order of columns around the loop.

        A loop starts at a column chosen by its content, so that rotating it changes nothing. A clip
        has mirrored columns at both ends.
        """
        order = np.arange(self.n_frames)
        if not self.circular:
            return [np.pad(order, self._margins, mode="symmetric")] * len(mel)
        firsts = [_first_column(item.cpu().numpy()) for item in mel]
        if cells is not None:
            firsts = [_first_known(cells, otherwise=first) for first in firsts]
        return [np.roll(order, -first) for first in firsts]

    def _known_loops(
        self, known: KnownSound, orders: list[Order], device: torch.device
    ) -> KnownLoops:
        """The known sound at the bands' rates."""
        sounds = [
            self._to_loop(item.detach().cpu(), o)
            for item, o in zip(known.waveform, orders, strict=True)
        ]
        bank = mel_bank(self.params, self.bands)
        is_known = known.is_known.cpu().numpy().T
        return known_loops(
            torch.from_numpy(np.stack(sounds)).to(device),
            np.stack([is_known[order] for order in orders]),
            self.bands,
            [
                bank.row_below[2 * first : 2 * end]
                for first, end in zip(bank.bin_bounds, bank.bin_bounds[1:], strict=False)
            ],
            crossover(self.params, self.bands, n_frames=len(orders[0]), device=device),
        )

    def _to_loop(
        self, sound: Float[Tensor, "channel sample"], order: Order
    ) -> Float32[np.ndarray, "channel loop_sample"]:
        """Sound at params.sample_rate as a loop, turned or mirrored as its columns are."""
        hop = self.hop_samples
        loop = resample(
            sound,
            self.params.sample_rate,
            self.bands[-1].analysis.sample_rate,
            n_samples=self.n_frames * hop,
            circular=self.circular,
        ).numpy()
        if self.circular:
            return np.roll(loop, -int(order[0]) * hop, axis=1)
        before, after = self._margins
        return np.pad(loop, ((0, 0), (before * hop, after * hop)), mode="symmetric")

    def _loop_to_output(
        self, loop: Float[Tensor, "channel loop_sample"], order: Order
    ) -> Float[Tensor, "channel sample"]:
        return resample(
            loop.roll(int(order[0]) * self.hop_samples, -1),
            self.bands[-1].analysis.sample_rate,
            self.params.sample_rate,
            n_samples=self.n_samples,
            circular=True,
        )

    def _clip_to_output(
        self, loop: Float[Tensor, "channel loop_sample"], order: Order
    ) -> Float[Tensor, "channel sample"]:
        """Resample with the margins, to avoid ringing where the clip begins and ends."""
        rate = self.bands[-1].analysis.sample_rate
        resampled = resample(loop, rate, self.params.sample_rate)
        start = round(self._margins[0] * self.n_samples / self.n_frames)
        return resampled[:, start : start + self.n_samples].contiguous()


def _in_order(
    columns: Float[Tensor, "batch plane frame mel"], orders: list[Order]
) -> Float[Tensor, "batch plane loop_frame mel"]:
    taken = [
        item[:, torch.from_numpy(order).to(item.device)]
        for item, order in zip(columns, orders, strict=True)
    ]
    return torch.stack(taken).contiguous()


def _first_known(cells: Bool[np.ndarray, "frame mel"], *, otherwise: int) -> int:
    """A column where known sound begins, so that the loop isn't cut in the middle of it."""
    whole = cells.all(axis=1)
    begins = np.flatnonzero(whole & ~np.roll(whole, 1))
    return int(begins[0]) if len(begins) else otherwise


def _first_column(mel: Float32[np.ndarray, "plane mel frame"]) -> int:
    """The loudest column; of equally loud ones, the one followed by louder columns."""
    loudness = np.ascontiguousarray(mel.transpose(2, 0, 1)).sum((1, 2), dtype=np.float64)
    n_frames = len(loudness)
    first = np.arange(n_frames)
    for offset in range(n_frames):
        following = loudness[(first + offset) % n_frames]
        first = first[following == following.max()]
        if len(first) == 1:
            break
    return int(first[0])
