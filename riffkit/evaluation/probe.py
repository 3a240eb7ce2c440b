"""A probe for the bundled model: which instruments, style, drums and density a loop has.

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

WEIGHTS = Path(__file__).parent.parent / "weights" / "probe" / "probe.safetensors"
POOLED_ROWS, POOLED_COLUMNS = 4, 8  # of 512, and of 64 a beat
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
        n_rows = 512 // POOLED_ROWS // 2 ** (len(_CHANNELS) - 2)
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
    pixels: UInt8[np.ndarray, "row column 3"],
) -> Float[Tensor, "3 pooled_row pooled_column"]:
    """The probe's input from a full-band image, from 0 (silent) to 1."""
    loudness = 1 - torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)) / 255
    return functional.avg_pool2d(loudness, (POOLED_ROWS, POOLED_COLUMNS))


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


@torch.no_grad()
def listen(pixels: UInt8[np.ndarray, "row column 3"], *, probe: Path = WEIGHTS) -> Heard:
    """Run the probe on a full-band image on the beat grid; ModelError without weights."""
    network, facts = _load(probe)
    logits = network(pooled_loudness(pixels)[None])[0]
    return Heard(dict(zip(facts, logits.tolist(), strict=True)))


@lru_cache(maxsize=2)
def _load(path: Path) -> tuple[Probe, tuple[str, ...]]:
    try:
        with safe_open(path, framework="pt") as file:
            facts = tuple(json.loads(file.metadata()["facts"]))
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ModelError(f"{path.name} can't be read; reinstall riffkit") from error
    network = Probe(len(facts))
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False), facts
