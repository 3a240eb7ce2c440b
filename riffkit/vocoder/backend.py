"""What Griffin-Lim solves, and what a backend does for it: compiled loops, or tensor operations."""

from __future__ import annotations

from concurrent.futures import Executor
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
MOMENTUM = 0.8

Loops = list[Float[Tensor, "batch channel _sample"]]


@dataclass(frozen=True, eq=False)
class LoopProblem:
    """Loops that are to have given mel rows; the last frame is followed by the first.

    With one plane more than channels, the last plane is the mel of the channels' mean. `pool` works
    on parts of a problem on the CPU side by side.
    """

    target: Float[Tensor, "batch plane frame mel"]
    params: SpectrogramParams
    bands: tuple[WorkingBand, ...]
    seed: int
    known: KnownLoops | None = None
    pool: Executor | None = None

    @property
    def n_channels(self) -> int:
        return self.params.planes.n_channels

    @property
    def bank(self) -> MelBank:
        return mel_bank(self.params, self.bands)

    @property
    def crossover(self) -> Crossover:
        return crossover(
            self.params, self.bands, n_frames=self.target.shape[2], device=self.target.device
        )


@runtime_checkable
class LoopBackend(Protocol):
    """The arithmetic of one problem. Loops are one for each band, at its own rate."""

    def start(self) -> Loops:
        """Loops with the magnitudes that the rows imply, and a phase that belongs to them."""
        ...

    def iterate(self, loops: Loops, *, momentum: float) -> Loops:
        """Analyze, push on along the last change, scale to the rows' values, and synthesize.

        Points that are known aren't scaled.
        """
        ...


def solve(
    problem: LoopProblem, backend: LoopBackend, *, n_iterations: int
) -> Float[Tensor, "batch channel sample"]:
    """Mel-constrained Griffin-Lim: the loops at the last band's rate.

    Before each iteration the bands hear what their neighbours have made where they overlap.
    """

    def joined(loops: Loops) -> Loops:
        loops = problem.crossover.join(loops, problem.pool)
        return loops if problem.known is None else problem.known.impose(loops)

    loops = joined(backend.start())
    for k in range(n_iterations):
        loops = joined(backend.iterate(loops, momentum=MOMENTUM if k > 0 else 0.0))
    return loops[-1]
