"""What Griffin-Lim solves, and what a backend does for it: compiled loops, or tensor operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from riffkit.spectrogram.params import SpectrogramParams
from riffkit.vocoder.crossover import Crossover, crossover
from riffkit.vocoder.grid import WorkingBand
from riffkit.vocoder.known_sound import KnownLoops
from riffkit.vocoder.mel_bank import MelBank, mel_bank

LARGEST_RATIO = 20.0

Loops = list[Float[Tensor, "batch channel _sample"]]


@dataclass(frozen=True, eq=False)
class LoopProblem:
    """Loops that are to have given mel rows; the last frame is followed by the first.

    With one plane more than channels, the last plane is the mel of the channels' mean.
    """

    target: Float[Tensor, "batch plane frame mel"]
    params: SpectrogramParams
    bands: tuple[WorkingBand, ...]
    seed: int
    known: KnownLoops | None = None

    @property
    def n_channels(self) -> int:
        return self.params.planes.n_channels

    @property
    def bank(self) -> MelBank:
        return mel_bank(self.params, self.bands)

    @property
    def crossover(self) -> Crossover:
        return crossover(
            self.params,
            self.bands,
            n_frames=self.target.shape[2],
            device=self.target.device,
        )


@runtime_checkable
class LoopBackend(Protocol):
    """The arithmetic of one problem. Loops are one for each band, at its own rate."""

    def start(self) -> Loops:
        """Loops with the magnitudes that the rows imply, and a phase that belongs to them."""
        ...

    def iterate(self, loops: Loops, *, momentum: float) -> Loops:
        """Analyze, scale the spectra to the rows' values but where known, and synthesize."""
        ...


def solve(
    problem: LoopProblem, backend: LoopBackend, *, n_iterations: int, momentum: float
) -> Float[Tensor, "batch channel sample"]:
    """Mel-constrained Griffin-Lim: the loops at the last band's rate.

    Before each iteration the bands hear what their neighbours have made where they overlap.
    """
    known, crossover = problem.known, problem.crossover
    loops = backend.start()
    for k in range(n_iterations):
        loops = crossover.join(loops)
        if known is not None:
            loops = known.impose(loops)
        loops = backend.iterate(loops, momentum=momentum if k > 0 else 0.0)
    loops = crossover.join(loops)
    return (loops if known is None else known.impose(loops))[-1]
