"""Training of the separator: the shares of power in mixtures, errors weighted by loudness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from riffkit.analysis.separation.network import GROUPS, MaskNetwork, power_to_levels
from riffkit.training.rows import Rows
from train.listeners.separator.mixtures import Mixture, draw_mixture, real_mixture

_MEASURED_COLUMNS = 512
_LOUDNESS_POWER = 0.25  # how much louder pixels count for the shares
_DISTORTION_WEIGHT = 0.2
_FLOOR = 1e-4  # of the mixture's energy: errors below count as none
_SILENT = 1e-5


@dataclass(frozen=True)
class MixtureBatch(Rows):
    """Powers of mixtures and of the groups in them."""

    mix: Float[Tensor, "batch 512 column"]
    groups: Float[Tensor, "batch group 512 column"]

    @classmethod
    def of(cls, mixtures: Sequence[Mixture]) -> MixtureBatch:
        return cls(
            torch.stack([mixture.mix for mixture in mixtures]),
            torch.stack([mixture.groups for mixture in mixtures]),
        )

    @property
    def shares(self) -> Float[Tensor, "batch group 512 column"]:
        """The ideal masks: ratios of powers."""
        return self.groups / self.groups.sum(dim=1, keepdim=True).clamp_min(1e-9)

    @property
    def present(self) -> Bool[Tensor, "batch group"]:
        energy = self.groups.sum(dim=(2, 3))
        return energy > _SILENT * energy.sum(dim=1, keepdim=True)


class SeparatorTask:
    """Mixtures of the bands that `paths` lists whenever it is asked; held-out ones as they are."""

    def __init__(self, paths: Callable[[], list[Path]], held_out: Sequence[Path]) -> None:
        self.network: nn.Module = MaskNetwork()
        self.n_items = 1  # there is no end of mixtures
        self._paths, self._known, self._n_draws = paths, paths(), 0
        mixtures = [real_mixture(path, n_columns=_MEASURED_COLUMNS) for path in held_out]
        self._held_out = [MixtureBatch.of(mixtures[k : k + 4]) for k in range(0, len(mixtures), 4)]

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> MixtureBatch:
        self._n_draws += 1
        if self._n_draws % 50 == 0:
            self._known = self._paths()
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        return MixtureBatch.of([draw_mixture(self._known, rng) for _ in items])

    def loss(self, batch: MixtureBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        device = next(self.network.parameters()).device
        mix, groups = batch.mix.to(device), batch.groups.to(device)
        batch = MixtureBatch(mix, groups)
        logits = self.network(power_to_levels(mix)).float()
        entropy = _entropy(logits, batch)
        error, energy = _errors(logits.softmax(dim=1), batch)
        distortion = (error / energy.sum(dim=1, keepdim=True).clamp_min(1.0) + _FLOOR).log10()
        figures = {
            "entropy": float(entropy.detach()),
            "error": float(10 * distortion.detach().mean()),
        }
        return entropy + _DISTORTION_WEIGHT * distortion.mean(), figures

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Of each group, the mean signal-to-distortion ratio on held-out mixes, over pixels, in dB.

        `_gain` is how much more that is than the mix has as it is. Phases don't count, so that
        the ideal masks have no distortion.
        """
        device = next(network.parameters()).device
        found: dict[str, list[float]] = {}
        for batch in self._held_out:
            shares = network(power_to_levels(batch.mix.to(device))).float().softmax(dim=1).cpu()
            error, energy = _errors(shares, batch)
            before, _ = _errors(torch.ones_like(shares), batch)
            for row, k in batch.present.nonzero().tolist():
                ratio = 10 * float((energy[row, k] / error[row, k]).log10())
                gain = 10 * float((before[row, k] / error[row, k]).log10())
                found.setdefault(f"{GROUPS[k]}_db", []).append(ratio)
                if batch.present[row].sum() > 1:
                    found.setdefault(f"{GROUPS[k]}_gain", []).append(gain)
        return {name: float(np.mean(values)) for name, values in sorted(found.items())}


def _entropy(
    logits: Float[Tensor, "batch group 512 column"], batch: MixtureBatch
) -> Float[Tensor, ""]:
    """Cross-entropy of the shares, the mean over pixels by their loudness."""
    weight = batch.mix**_LOUDNESS_POWER
    weight = weight / weight.mean(dim=(1, 2), keepdim=True).clamp_min(1e-3)
    each = functional.cross_entropy(logits, batch.shares, reduction="none")
    return (weight * each).mean()


def _errors(
    shares: Float[Tensor, "batch group 512 column"], batch: MixtureBatch
) -> tuple[Float[Tensor, "batch group"], Float[Tensor, "batch group"]]:
    """The energy of what is wrong in each masked group, and that of the group's ideal mask."""
    power, ideal = batch.mix[:, None], batch.shares
    error = (power * (shares - ideal).square()).sum(dim=(2, 3))
    return error, (power * ideal.square()).sum(dim=(2, 3))
