"""Griffin-Lim's problem, and its backends' interface (compiled loops, tensor operations)."""

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
    """The problem: find loops with the given mel rows; the last frame is followed by the first.

    With one plane more than channels, the last plane is the mel of the channels' mean. `pool` runs
    parts of a problem on the CPU in parallel.
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
    """The arithmetic of one problem. There is one loop per band, at the band's own rate."""

    def start(self) -> Loops:
        """Initial loops, with the magnitudes implied by the rows and a consistent phase."""
        ...

    def iterate(self, loops: Loops, *, momentum: float) -> Loops:
        """Analyze, extrapolate by the momentum, scale to the rows' values, and synthesize.

        Known points aren't scaled.
        """
        ...


def solve(
    problem: LoopProblem, backend: LoopBackend, *, n_iterations: int
) -> Float[Tensor, "batch channel sample"]:
    """Mel-constrained Griffin-Lim: the loops at the last band's rate.

    Before each iteration, bands are updated with their neighbors' results where they overlap.
    """

    def joined(loops: Loops) -> Loops:
        loops = problem.crossover.join(loops, problem.pool)
        return loops if problem.known is None else problem.known.impose(loops)

    loops = joined(backend.start())
    for k in range(n_iterations):
        loops = joined(backend.iterate(loops, momentum=MOMENTUM if k > 0 else 0.0))
    return loops[-1]
