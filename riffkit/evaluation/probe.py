"""A probe: which instruments, style, drums and density a loop of any number of beats has.

A small convolutional network on the loop's image, trained on rendered scores whose facts are
known (train/judges/probe.py). It reads images in beats of 64 px, coarsely, so that the fine
texture that tells painted images from real ones can't be used as a clue.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from riffkit.errors import ModelError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import FULL_BAND, SpectrogramParams, preset

WEIGHTS = Path(__file__).parent.parent / "weights" / "probe" / "probe.safetensors"
POOLED_ROWS, POOLED_COLUMNS = 4, 8  # of full-band's 512, and of 64 a beat
N_ROWS = FULL_BAND.n_mels // POOLED_ROWS
KINDS = ("instrument", "style", "drums", "density")
_CHANNELS = (3, 32, 64, 96, 128)
_SUMMARY = 24


class Probe(nn.Module):
    """Logits of facts such as "instrument piano". Time is circular, with no fixed start."""

    def __init__(self, n_facts: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(inner, outer, 3, padding=(1, 0)) for inner, outer in pairwise(_CHANNELS)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, channels) for channels in _CHANNELS[1:])
        self.summary = nn.Linear(2 * _CHANNELS[-1], _SUMMARY)
        n_rows = N_ROWS // 2 ** (len(_CHANNELS) - 2)
        self.out = nn.Linear(_SUMMARY * n_rows, n_facts)

    def forward(self, loudness: Float[Tensor, "batch 3 row column"]) -> Float[Tensor, "batch fact"]:
        hidden = 2 * loudness - 0.5
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if index:
                hidden = functional.avg_pool2d(hidden, (2, 2 if hidden.shape[3] % 2 == 0 else 1))
            hidden = functional.pad(hidden, (1, 1, 0, 0), mode="circular")
            hidden = functional.relu(norm(layer(hidden)))
        over_time = torch.cat((hidden.mean(dim=3), hidden.amax(dim=3)), dim=1)
        rows = functional.relu(self.summary(over_time.transpose(1, 2)))
        logits: Tensor = self.out(rows.flatten(1))
        return logits


def pooled_loudness(
    pixels: UInt8[np.ndarray, "row column 3"], params: SpectrogramParams = FULL_BAND
) -> Float[Tensor, "3 pooled_row pooled_column"]:
    """The probe's input from an image on the beat grid, from 0 (silent) to 1.

    Its rows are those of the preset full-band, four by four, whatever the image's are.
    """
    loudness = 1 - torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)) / 255
    return _pooling(params) @ functional.avg_pool2d(loudness, (1, POOLED_COLUMNS))


@lru_cache(maxsize=4)
def _pooling(params: SpectrogramParams) -> Float[Tensor, "pooled_row row"]:
    """What each row of an image, highest first, counts in each row of the probe's input."""
    wanted = np.interp(mel_row_hz(FULL_BAND), mel_row_hz(params), np.arange(params.n_mels))
    below = np.minimum(wanted.astype(int), params.n_mels - 2)
    weights = np.zeros((FULL_BAND.n_mels, params.n_mels))
    rows = np.arange(FULL_BAND.n_mels)
    weights[rows, below], weights[rows, below + 1] = 1 - (wanted - below), wanted - below
    pooled = weights.reshape(N_ROWS, POOLED_ROWS, -1).mean(axis=1)
    return torch.from_numpy(pooled[::-1, ::-1].astype(np.float32))


@dataclass(frozen=True)
class Heard:
    """The logit of every fact that the probe knows, such as "style funk"."""

    logits: Mapping[str, float]

    def most_likely(self, kind: str, n: int = 1) -> list[str]:
        """The `n` likeliest values of a kind of facts, such as "instrument"."""
        of_kind = {w: x for w, x in self.logits.items() if w.startswith(f"{kind} ")}
        ranked = sorted(of_kind, key=of_kind.__getitem__, reverse=True)[:n]
        return [word.removeprefix(f"{kind} ") for word in ranked]

    def share_heard(self, instruments: Collection[str]) -> float:
        """The fraction of the instruments among the equally many likeliest ones (R-precision)."""
        likeliest = self.most_likely("instrument", len(instruments))
        return len(set(likeliest) & set(instruments)) / len(instruments)


def image_for_probe(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    grid: BeatGrid,
    *,
    probe: Path = WEIGHTS,
) -> SpectrogramImage:
    """A loop's sound as the probe likes to see it: in the preset that it was trained on."""
    return waveform_to_image(waveform, sample_rate, load_probe(probe).params, grid=grid)


@torch.no_grad()
def listen(image: SpectrogramImage, *, probe: Path = WEIGHTS) -> Heard:
    """Run the probe on an image on the beat grid; ModelError without weights."""
    loaded = load_probe(probe)
    logits = loaded.network(pooled_loudness(image.pixels, image.params)[None])[0]
    return Heard(dict(zip(loaded.facts, logits.tolist(), strict=True)))


@dataclass(frozen=True, eq=False)
class LoadedProbe:
    """The network for inference, the facts that it tells, and the preset of its images."""

    network: Probe
    facts: tuple[str, ...]
    params: SpectrogramParams


@lru_cache(maxsize=2)
def load_probe(path: Path = WEIGHTS) -> LoadedProbe:
    """Load a probe; ModelError without weights. One that doesn't say a preset is of full-band."""
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata()
            facts, params = (
                tuple(json.loads(said["facts"])),
                preset(said.get("preset", "full-band")),
            )
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ModelError(f"{path.name} can't be read; reinstall riffkit") from error
    network = Probe(len(facts))
    network.load_state_dict(weights)
    return LoadedProbe(network.eval().requires_grad_(False), facts, params)
