"""The network behind the neural vocoder: from a mel image to the changes of the sound's phase.

A mel row above 3 kHz covers several bins, so the magnitude that it implies is smooth, and so is the
phase's gradient that follows from it (phase_gradient.py). A small network reads the image and
corrects, for each bin, the two changes of phase. Its trunk is a 2-D convolution over the mel rows;
its head reads the trunk between two rows, as a function of the place there (a local implicit
function, Chen, Liu and Wang, arXiv:2012.09161), so that it serves any grid of bins. All sizes are
in units that don't depend on the tempo: bins, radians, milliseconds.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from riffkit.spectrogram.mel import hz_to_mel, mel_row_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.stft import Analysis
from riffkit.vocoder.phase_gradient import PhaseChanges, phase_carrier, phase_step

N_PLANES = 3  # left, right, mid
N_ROW_FACTS = 3
N_LOCAL = 8
N_PLACES = 6
QUIETEST = 1e-5  # of the loudest point
HEAD_FRAMES = 8  # at a time: what they need stays in the cache


@dataclass(frozen=True)
class PhaseNetworkConfig:
    """The sizes of a network: the trunk's channels, each layer's dilation in time, the head."""

    width: int = 32
    time_dilations: tuple[int, ...] = (1, 2, 4, 1)
    hidden: int = 32


class PhaseNetwork(nn.Module):
    """Reads loudness images; see `find_changes`. A new one corrects nothing."""

    def __init__(self, config: PhaseNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or PhaseNetworkConfig()
        width, hidden = self.config.width, self.config.hidden
        self.stem = nn.Conv2d(N_PLANES + N_ROW_FACTS, width, 3)
        self.layers = nn.ModuleList(
            nn.Conv2d(width, width, 3, dilation=(dilation, 1))
            for dilation in self.config.time_dilations
        )
        self.to_head = nn.Linear(width, hidden)
        self.from_place = nn.Linear(N_PLACES, hidden, bias=False)
        self.from_local = nn.Linear(N_LOCAL, hidden, bias=False)
        self.out = nn.Linear(hidden, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def rows(
        self, loudness: Float[Tensor, "batch 3 frame mel"], facts: Float[Tensor, "batch 3 mel"]
    ) -> Float[Tensor, "batch frame mel hidden"]:
        """What the head reads at each mel row; time is circular."""
        facts = facts[:, :, None, :].expand(-1, -1, loudness.shape[2], -1)
        hidden = self._convolve(self.stem, torch.cat((loudness, facts), dim=1))
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            hidden = hidden + self._convolve(layer, functional.relu(hidden))
        rows: Tensor = self.to_head(functional.relu(hidden).permute(0, 2, 3, 1))
        return rows

    @staticmethod
    def _convolve(conv: nn.Conv2d, image: Tensor) -> Tensor:
        in_time = int(conv.dilation[0])
        wrapped = functional.pad(image, (0, 0, in_time, in_time), mode="circular")
        return conv(functional.pad(wrapped, (1, 1, 0, 0)))

    def corrections(
        self,
        rows: Float[Tensor, "frame mel hidden"],
        local: Float[Tensor, "frame bin local"],
        grid: BinGrid,
    ) -> Float[Tensor, "frame bin 2"]:
        """What to add to each bin's changes of phase, in time and in frequency."""
        below, above = rows[:, grid.row_below], rows[:, grid.row_below + 1]
        between = torch.lerp(below, above, grid.part_above[:, None].to(rows))
        hidden = between + self.from_local(local) + self.from_place(grid.places)
        corrections: Tensor = self.out(functional.relu(hidden))
        return corrections


@dataclass(frozen=True, eq=False)
class BinGrid:
    """Where the bins of an analysis lie between the mel rows."""

    row_below: Int[Tensor, " bin"]
    part_above: Float[Tensor, " bin"]
    places: Float[Tensor, "bin place"]
    row_facts: Float[Tensor, "3 mel"]


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # what is cached may serve training too
def bin_grid(params: SpectrogramParams, analysis: Analysis) -> BinGrid:
    """Cached and shared: treat it as read-only."""
    row_hz = mel_row_hz(params).double()
    step = (hz_to_mel(params.max_hz) - hz_to_mel(params.min_hz)) / (params.n_mels + 1)
    bin_hz = torch.arange(analysis.n_bins, dtype=torch.float64) * analysis.bin_hz
    mels = hz_to_mel(1.0) / math.log10(1 + 1 / 700) * torch.log10(1 + bin_hz / 700)
    place = (mels - hz_to_mel(params.min_hz)) / step - 1
    place = place.clamp(0, params.n_mels - 1 - 1e-6)
    below = place.floor()
    part = (place - below).float()
    width = torch.gradient(row_hz)[0] / analysis.bin_hz  # bins to a row
    hop_ms = 1000 * analysis.hop_samples / analysis.sample_rate
    facts = torch.stack(
        (
            width.log().float() / 2,
            row_hz.clamp(min=1).log().float() / 4 - 2,
            torch.full((params.n_mels,), math.log(hop_ms / 10)),
        )
    )
    turn = 2 * math.pi * part
    wide = width[below.long()].clamp(max=16).float()
    places = torch.stack(
        (
            turn.cos(),
            turn.sin(),
            2 * part - 1,
            wide / 8,
            wide / 8 * turn.cos(),
            wide / 8 * turn.sin(),
        ),
        dim=1,
    )
    return BinGrid(below.long(), part, places, facts)


@torch.no_grad()
def find_changes(
    network: PhaseNetwork,
    target: Float32[np.ndarray, "plane frame mel"],
    magnitude: Float32[np.ndarray, "plane frame bin"],
    params: SpectrogramParams,
    analysis: Analysis,
) -> PhaseChanges:
    """Mid's changes of phase, of mel rows and the smooth magnitude with them. Time is circular."""
    grid = bin_grid(params, analysis)
    loudness = three_planes(torch.from_numpy(target / max(float(target.max()), 1e-20)))
    rows = network.rows(loudness[None] ** params.power_for_image, grid.row_facts[None])[0]
    planes = three_planes(torch.from_numpy(magnitude))
    changes = changes_from_rows(
        network, rows, planes, grid, analysis, loudest=float(magnitude.max())
    )
    return PhaseChanges(*(change.numpy() for change in changes))


def three_planes(planes: Float[Tensor, "plane frame column"]) -> Float[Tensor, "3 frame column"]:
    """Left, right and mid of 1, 2 or 3 planes."""
    if len(planes) == 1:
        return planes.expand(N_PLANES, -1, -1)
    return planes if len(planes) == N_PLANES else torch.cat((planes, planes.mean(0, keepdim=True)))


def changes_from_rows(
    network: PhaseNetwork,
    rows: Float[Tensor, "frame mel hidden"],
    magnitude: Float[Tensor, "3 frame bin"],
    grid: BinGrid,
    analysis: Analysis,
    *,
    loudest: float,
) -> tuple[Float[Tensor, "frame bin"], Float[Tensor, "frame bin"]]:
    """`find_changes` from what the trunk found."""
    log_magnitude = (magnitude / max(loudest, 1e-20)).clamp(min=QUIETEST).log()
    base_time, base_frequency, local = _local(log_magnitude, analysis)
    blocks = zip(rows.split(HEAD_FRAMES), local.split(HEAD_FRAMES), strict=True)
    out = torch.cat([network.corrections(*block, grid) for block in blocks]).float()
    turn = 2 * math.pi * analysis.hop_samples / analysis.n_fft  # of a bin's width in a hop
    carrier = torch.from_numpy(phase_carrier(analysis))
    return carrier + base_time + turn * out[..., 0], base_frequency + out[..., 1]


def _local(
    log_magnitude: Float[Tensor, "3 frame bin"], analysis: Analysis
) -> tuple[
    Float[Tensor, "frame bin"], Float[Tensor, "frame bin"], Float[Tensor, "frame bin local"]
]:
    """The changes of phase that the magnitude implies, and what the head reads of a bin itself."""
    left, right, mid = log_magnitude
    step = float(phase_step(analysis))
    turn = 2 * math.pi * analysis.hop_samples / analysis.n_fft
    padded = functional.pad(mid[None], (1, 1), mode="reflect")[0]
    below, above = padded[:, :-2], padded[:, 2:]
    before, after = mid.roll(1, 0), mid.roll(-1, 0)
    slope_time = 0.5 * step * (above - below)
    slope_frequency = -0.5 / step * (after - before)
    slope_frequency[:, (0, -1)] = 0
    base_time = 0.5 * (slope_time + slope_time.roll(-1, 0))
    base_frequency = 0.5 * (slope_frequency + slope_frequency.roll(-1, 1))
    local = torch.stack(
        (
            slope_time / turn,
            slope_frequency,
            above + below - 2 * mid,
            (after + before - 2 * mid) / (analysis.hop_samples / analysis.window_samples * 10) ** 2,
            left - mid,
            right - mid,
            mid / 4 + 1,
            slope_time.roll(-1, 0) / turn,
        ),
        dim=-1,
    )
    return base_time, base_frequency, local.clamp(-4, 4)


def load_phase_network(path: Path) -> PhaseNetwork:
    """The network of a safetensors file, whose metadata hold its sizes."""
    with safe_open(path, framework="pt") as file:
        sizes = json.loads(file.metadata()["config"])
        weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    sizes["time_dilations"] = tuple(sizes["time_dilations"])
    network = PhaseNetwork(PhaseNetworkConfig(**sizes))
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)
