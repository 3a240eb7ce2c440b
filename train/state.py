"""The state of a training run: what resuming needs, written whole or not at all."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from riffkit.atomic import atomic_path
from train.config import LoopConfig


@dataclass
class TrainingState:
    """The trained network, its moving average, the optimiser, and the images seen."""

    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    images_seen: int = 0
    n_steps: int = 0

    @classmethod
    def start(cls, network: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState:
        ema = copy.deepcopy(network).requires_grad_(False).eval()
        return cls(network=network, ema=ema, optimizer=optimizer)

    def update_ema(self, config: LoopConfig) -> None:
        """Average the weights; the decay grows from 0.1 so that the start is soon forgotten."""
        decay = min(config.ema_decay, (1 + self.n_steps) / (10 + self.n_steps))
        with torch.no_grad():
            for average, weight in zip(
                self.ema.parameters(), self.network.parameters(), strict=True
            ):
                average.lerp_(weight, 1 - decay)

    def save(self, path: Path) -> None:
        values = {
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "images_seen": self.images_seen,
            "n_steps": self.n_steps,
        }
        with atomic_path(path) as temporary:
            torch.save(values, temporary)

    def load(self, path: Path) -> None:
        values = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(values["network"])
        self.ema.load_state_dict(values["ema"])
        self.optimizer.load_state_dict(values["optimizer"])
        self.images_seen = values["images_seen"]
        self.n_steps = values["n_steps"]


def load_ema(network: nn.Module, path: Path) -> None:
    """Give `network` the averaged weights of a run; what the run trained besides is left out."""
    values: dict[str, dict[str, Tensor]] = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict({name: values["ema"][name] for name in network.state_dict()})
