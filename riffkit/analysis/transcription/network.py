"""The transcriber: onsets and frames of every pitch (arXiv:1710.11153), and strokes of the drums.

Harmonics are stacked as channels, as basic-pitch does (arXiv:2203.09893), then small convolutions
look at neighboring pitches, octaves (dilated, as in arXiv:2208.14867) and moments. Time is
circular: columns of the other end are put around it, and taken off at the end. Drums are heard by
a network of their own, whose channels are bands of frequency.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from riffkit.analysis.transcription.axes import (
    BINS_BELOW,
    BINS_PER_SEMITONE,
    DRUM_COLUMNS,
    N_BANDS,
    N_PITCHES,
)
from riffkit.errors import ModelError

WEIGHTS = Path(__file__).parents[2] / "weights" / "transcriber" / "transcriber.safetensors"
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14)
DRUMS = ("kick", "snare", "hats", "toms", "cymbals", "hand percussion", "shakers")
_WIDTH, _DILATIONS = 32, (1, 2, 2)
_MARGIN = 2 + sum(_DILATIONS) + 1  # columns that the layers look at on either side
_DRUM_WIDTH, _N_DRUM_LAYERS = 112, 3
_DRUM_MARGIN = 2 + 2 * _N_DRUM_LAYERS + 1
_SILENCE = -0.5  # what a loudness of 0 is to the layers


class Pitches(NamedTuple):
    """Logits, but for `velocity`, which is from 0 to 1 where a note begins."""

    onset: Float[Tensor, "batch pitch column"]
    frame: Float[Tensor, "batch pitch column"]
    bass: Float[Tensor, "batch pitch column"]
    velocity: Float[Tensor, "batch pitch column"]


class Strokes(NamedTuple):
    """Logits where a drum is struck, and its velocity there, from 0 to 1."""

    drums: Float[Tensor, "batch drum column"]
    velocity: Float[Tensor, "batch drum column"]


class Transcriber(nn.Module):
    """Two networks that share nothing but their moments."""

    def __init__(self) -> None:
        super().__init__()
        self.pitches = PitchNetwork()
        self.drums = DrumNetwork()

    def forward(
        self,
        bins: Float[Tensor, "batch bin column"],
        bands: Float[Tensor, "batch band fine_column"],
    ) -> tuple[Pitches, Strokes]:
        """What is played of a loudness (axes.py), on the columns of `bins`."""
        return self.pitches(bins), self.drums(bands)


class PitchNetwork(nn.Module):
    """Small convolutions over neighboring pitches, octaves and moments of a stack of harmonics."""

    def __init__(self) -> None:
        super().__init__()
        self.harmonics = nn.Conv2d(
            len(HARMONICS), _WIDTH, 5, stride=(BINS_PER_SEMITONE, 1), padding=(0, 2)
        )
        self.gain = nn.Parameter(torch.ones(_WIDTH, N_PITCHES, 1))
        self.bias = nn.Parameter(torch.zeros(_WIDTH, N_PITCHES, 1))
        self.blocks = nn.ModuleList(_Block(_WIDTH, dilation) for dilation in _DILATIONS)
        self.out = nn.Conv2d(_WIDTH, 4, (1, 3), padding=(0, 1))
        _begin_rarely(self.out, [-5.0, -3.0, 0.0, 0.0])

    def forward(self, bins: Float[Tensor, "batch bin column"]) -> Pitches:
        hidden = _stacked(_around(bins, _MARGIN))
        hidden = self.harmonics(hidden) * self.gain + self.bias
        for block in self.blocks:
            hidden = block(hidden)
        heard = self.out(functional.relu(hidden))[..., _MARGIN:-_MARGIN]
        onset, frame, bass, velocity = heard.unbind(1)
        return Pitches(onset, frame, bass, velocity.sigmoid())


class DrumNetwork(nn.Module):
    """Convolutions over time; every band is a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.bands = nn.Conv1d(N_BANDS, _DRUM_WIDTH, 9, stride=DRUM_COLUMNS, padding=4)
        self.layers = nn.ModuleList(
            nn.Conv1d(_DRUM_WIDTH, _DRUM_WIDTH, 5, padding=2) for _ in range(_N_DRUM_LAYERS)
        )
        self.out = nn.Conv1d(_DRUM_WIDTH, 2 * len(DRUMS), 3, padding=1)
        _begin_rarely(self.out, [-4.0] * len(DRUMS) + [0.0] * len(DRUMS))

    def forward(self, bands: Float[Tensor, "batch band fine_column"]) -> Strokes:
        hidden = functional.relu(self.bands(_around(bands, DRUM_COLUMNS * _DRUM_MARGIN)))
        for layer in self.layers:
            hidden = hidden + functional.relu(layer(hidden))
        drums, velocity = self.out(hidden)[..., _DRUM_MARGIN:-_DRUM_MARGIN].chunk(2, dim=1)
        return Strokes(drums, velocity.sigmoid())


def _begin_rarely(layer: nn.Conv1d | nn.Conv2d, logits: list[float]) -> None:
    """Biases to start from: most of the time nothing begins."""
    assert layer.bias is not None
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(logits))


def _around(
    loudness: Float[Tensor, "batch row column"], n_columns: int
) -> Float[Tensor, "batch row wide"]:
    """What the layers see: columns of the loop's other end on either side."""
    return functional.pad(2 * loudness + _SILENCE, (n_columns, n_columns), mode="circular")


class _Block(nn.Module):
    """Neighboring pitches and moments, then octaves, added to what came in."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv2d(width, width, 3, padding=(1, dilation), dilation=(1, dilation))
        self.octaves = nn.Conv2d(width, width, (5, 1), padding=(24, 0), dilation=(12, 1))
        nn.init.normal_(self.octaves.weight, std=0.02)

    def forward(self, hidden: Tensor) -> Tensor:
        normed = self.norm(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        added: Tensor = hidden + self.octaves(functional.relu(self.near(normed)))
        return added


def _stacked(
    bins: Float[Tensor, "batch bin column"],
) -> Float[Tensor, "batch harmonic kept column"]:
    """For each bin of the pitches (with one more at either end) those of its harmonics."""
    shifts = [round(12 * BINS_PER_SEMITONE * math.log2(h)) for h in HARMONICS]
    first, length = BINS_BELOW - 1, BINS_PER_SEMITONE * N_PITCHES + 2
    padded = functional.pad(
        bins, (0, 0, 0, max(shifts) + first + length - bins.shape[1]), value=_SILENCE
    )
    return torch.stack([padded[:, first + s : first + s + length] for s in shifts], dim=1)


@lru_cache(maxsize=1)
def load_transcriber(path: Path = WEIGHTS) -> Transcriber:
    """The bundled network, ready to listen; ModelError without its weights."""
    network = Transcriber()
    try:
        network.load_state_dict({name: w.float() for name, w in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"{path.name} can't be read; reinstall riffkit") from error
    return network.eval().requires_grad_(False)
