"""The neural vocoder: Griffin-Lim from a phase that a network found (phase_network.py)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from riffkit.errors import ModelError
from riffkit.vocoder.base import Quality
from riffkit.vocoder.griffin_lim import GriffinLim
from riffkit.vocoder.phase_network import PhaseNetwork, load_phase_network

WEIGHTS = Path(__file__).parent.parent / "weights" / "vocoder" / "vocoder.safetensors"
ITERATIONS: dict[Quality, int] = {"preview": 2, "default": 8, "high": 32}


class NeuralVocoder(GriffinLim):
    """Any preset and tempo, loops, stereo and known sound, as Griffin-Lim; on the CPU."""

    name = "neural"
    iterations = ITERATIONS

    def __init__(self, weights: Path = WEIGHTS) -> None:
        super().__init__(as_tensors=False)
        self.phase_network = _phase_network(weights)


@lru_cache(maxsize=2)
def _phase_network(path: Path) -> PhaseNetwork:
    """ModelError where the file is missing or damaged."""
    try:
        return load_phase_network(path)
    except Exception as error:  # safetensors and JSON raise kinds of their own
        raise ModelError(
            f"vocoder 'neural': {path.name} can't be read ({type(error).__name__}); "
            "install riffkit again, or train one with `riff train vocoder`"
        ) from error
