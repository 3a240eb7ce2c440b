"""The state of a training run, for resuming; written atomically."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig


@dataclass
class TrainingState:
    """The trained network, the moving average of what is trained, the optimizer, the progress.

    Parameters that need no gradient are neither averaged nor saved: they are the base model's.
    """

    network: nn.Module
    optimizer: Any
    trained: dict[str, nn.Parameter]
    ema: dict[str, Tensor]
    images_seen: int = 0
    n_steps: int = 0
    more_ema: dict[float, dict[str, Tensor]] = field(default_factory=dict)
    """More averages of what is trained, by their decays."""

    @classmethod
    def start(
        cls, network: nn.Module, optimizer: Any, *, more_ema_decays: Sequence[float] = ()
    ) -> TrainingState:
        trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        ema = {name: p.detach().clone() for name, p in trained.items()}
        more = {decay: {name: p.clone() for name, p in ema.items()} for decay in more_ema_decays}
        return cls(network=network, optimizer=optimizer, trained=trained, ema=ema, more_ema=more)

    def update_ema(self, config: LoopConfig) -> None:
        """Average the weights; the decays grow from 0.1 so that the start is soon forgotten."""
        for ema_decay, ema in ((config.ema_decay, self.ema), *self.more_ema.items()):
            decay = min(ema_decay, (1 + self.n_steps) / (10 + self.n_steps))
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(ema.values()), list(self.trained.values()), weight=1 - decay
                )

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """Within the context, the network has the averaged weights, for evaluation only."""
        was_training = self.network.training
        self._swap()
        self.network.eval()
        try:
            yield self.network
        finally:
            self._swap()
            self.network.train(was_training)

    def _swap(self) -> None:
        """Change the weights for their averages, or back; the averages don't learn."""
        for name, parameter in self.trained.items():
            parameter.data, self.ema[name] = self.ema[name], parameter.data
            parameter.requires_grad_(not parameter.requires_grad)

    def save(self, path: Path, *, keep: int = 1) -> None:
        """Write `path`; the last `keep` states are kept beside it, by image count."""
        values = {
            "network": {name: p.detach() for name, p in self.trained.items()},
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
            "images_seen": self.images_seen,
            "n_steps": self.n_steps,
        }
        if self.more_ema:
            values["more_ema"] = {str(decay): ema for decay, ema in self.more_ema.items()}
        with atomic_path(path) as temporary:
            torch.save(values, temporary)
        if keep > 1:
            _keep(path, self.images_seen, keep)

    def load(self, path: Path) -> None:
        """The inverse of `save`; ParameterError for the state of another network."""
        values = read_state(path)
        try:
            with torch.no_grad():
                for name, parameter in self.trained.items():
                    parameter.copy_(values["network"][name])
                    for ema, stored in self._averages(values):
                        ema[name].copy_(stored[name])
            self.optimizer.load_state_dict(values["optimizer"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise ParameterError(
                f"{path.parent.name}: contains a run of another network; choose another folder"
            ) from error
        self.images_seen = values["images_seen"]
        self.n_steps = values["n_steps"]

    def _averages(
        self, values: dict[str, Any]
    ) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
        """Each average with the stored one that it goes on from: its own, or else the main one."""
        yield self.ema, values["ema"]
        for decay, ema in self.more_ema.items():
            yield ema, values.get("more_ema", {}).get(str(decay), values["ema"])


def read_state(path: Path) -> dict[str, Any]:
    """A saved state; ParameterError if it can't be read."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise ParameterError(
            f"{path.parent.name}/{path.name}: damaged; remove it or replace it with an older "
            f"{path.stem}-NUMBER{path.suffix}"
        ) from error


def load_ema(network: nn.Module, path: Path, *, decay: float | None = None) -> None:
    """Load the averaged weights of a run into `network`; other weights of the run are ignored.

    `decay` is that of one of the `more_ema_decays`. Parameters that need no gradient keep their
    values if the run doesn't have them.
    """
    state = read_state(path)
    more: dict[str, dict[str, Tensor]] = state.get("more_ema", {})
    if decay is not None and str(decay) not in more:
        raise ParameterError(
            f"ema_decay={decay}: the run keeps {', '.join(more) or 'no others'}; use one of these, "
            "or leave it out for the main average"
        )
    values: dict[str, Tensor] = state["ema"] if decay is None else more[str(decay)]
    needed = {name for name, p in network.named_parameters() if p.requires_grad}
    found = {name: values[name] for name in network.state_dict() if name in values}
    if missing := sorted(needed - set(found)):
        raise ParameterError(
            f"{path.parent.name}: contains a run without {missing[0]}; choose another folder"
        )
    network.load_state_dict(found, strict=False)


def _keep(path: Path, number: int, keep: int) -> None:
    """A second name for the state just written, and no more than `keep` such names."""
    kept = path.with_name(f"{path.stem}-{number:09d}{path.suffix}")
    with atomic_path(kept) as temporary:
        try:
            os.link(path, temporary)
        except OSError:  # a file system without links
            shutil.copyfile(path, temporary)
    for old in sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))[:-keep]:
        old.unlink()
