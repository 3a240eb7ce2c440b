"""Training of the probe (riffkit/evaluation/probe.py) on rendered loops, whose facts are known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.evaluation.probe import KINDS, Heard, Probe, pooled_loudness
from riffkit.training.rows import Rows
from riffkit.training.state import load_ema
from train.facts import fact_words
from train.mini.loops import read_loops

LARGEST_NOISE = 0.05  # of the loudness
_HELD_OUT_SHARE = 0.05


@dataclass(frozen=True)
class HeardBatch(Rows):
    """Pooled images, and which facts are true of them."""

    loudness: Float[Tensor, "batch plane row column"]
    truth: Bool[Tensor, "batch fact"]


class ProbeTask:
    """Every loop of a folder of shards; the last twentieth of each width is held out.

    Loops are turned in time, made a little louder or softer, and noised.
    """

    def __init__(self, data: Path) -> None:
        images, said = _read(data)
        words = sorted(set().union(*(w for width in said.values() for w in width)))
        self.facts = tuple(w for w in words if w.split()[0] in KINDS)
        if not self.facts:
            raise ParameterError(f"data={data.name!r}: its clips have no facts")
        self.network: nn.Module = Probe(len(self.facts))
        self._images, self._truth, self._held_out = {}, {}, {}
        for width, rows in images.items():
            truth = torch.tensor([[word in clip for word in self.facts] for clip in said[width]])
            n_kept = len(rows) - max(1, round(_HELD_OUT_SHARE * len(rows)))
            self._images[width], self._truth[width] = rows[:n_kept], truth[:n_kept]
            self._held_out[width] = rows[n_kept:], truth[n_kept:]
        sizes = {width: len(rows) for width, rows in self._images.items()}
        self._widths = torch.tensor([width for width, n in sizes.items() for _ in range(n)])
        self._rows = torch.cat([torch.arange(n) for n in sizes.values()])
        self.n_items = len(self._rows)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> HeardBatch:
        width = int(self._widths[items[0]])
        rows = self._rows[items[self._widths[items] == width]]
        loudness = self._images[width][rows].float() / 255
        n_columns = loudness.shape[-1]
        turns = torch.randint(n_columns, (len(rows),), generator=generator)
        loudness = torch.stack([x.roll(int(k), -1) for x, k in zip(loudness, turns, strict=True)])
        gain = 0.9 + 0.2 * torch.rand((len(rows), 1, 1, 1), generator=generator)
        noise = torch.randn(loudness.shape, generator=generator)
        noise *= LARGEST_NOISE * torch.rand((len(rows), 1, 1, 1), generator=generator)
        return HeardBatch((gain * loudness + noise).clamp(0, 1), self._truth[width][rows])

    def loss(self, batch: HeardBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        device = next(self.network.parameters()).device
        logits = self.network(batch.loudness.to(device))
        return _cross_entropy(logits, batch.truth.to(device)), {}

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """What it hears of loops that training never sees."""
        device = next(network.parameters()).device
        scores: dict[str, list[float]] = {}
        losses = []
        for images, truth in self._held_out.values():
            logits = network((images.float() / 255).to(device)).float().cpu()
            losses.append(float(_cross_entropy(logits, truth)))
            for row, is_true in zip(logits, truth, strict=True):
                heard = Heard(dict(zip(self.facts, row.tolist(), strict=True)))
                true = [fact for fact, yes in zip(self.facts, is_true, strict=True) if yes]
                for name, score in _scores(heard, true).items():
                    scores.setdefault(name, []).append(score)
        means = {f"held_out_{name}": float(np.mean(values)) for name, values in scores.items()}
        return {"held_out_loss": float(np.mean(losses)), **means}


def _cross_entropy(
    logits: Float[Tensor, "batch fact"], truth: Float[Tensor, "batch fact"] | Tensor
) -> Float[Tensor, ""]:
    losses = functional.binary_cross_entropy_with_logits(logits, truth.float(), reduction="none")
    return losses.sum(dim=1).mean()


def _scores(heard: Heard, true: list[str]) -> dict[str, float]:
    scores = {}
    for kind in KINDS:
        values = [fact.removeprefix(f"{kind} ") for fact in true if fact.startswith(f"{kind} ")]
        if kind == "instrument" and values:
            scores[kind] = heard.share_heard(values)
        elif values:
            scores[kind] = float(heard.most_likely(kind) == values)
    return scores


def _read(data: Path) -> tuple[dict[int, Tensor], dict[int, list[set[str]]]]:
    """Pooled images (uint8) and facts by width."""
    images: dict[int, list[Tensor]] = {}
    said: dict[int, list[set[str]]] = {}
    for loop in read_loops(data):
        pooled = pooled_loudness(loop.pixels().transpose(1, 2, 0))
        images.setdefault(loop.width, []).append((255 * pooled).round().to(torch.uint8))
        said.setdefault(loop.width, []).append(probe_facts(loop.facts))
    return {width: torch.stack(rows) for width, rows in images.items()}, said


def probe_facts(facts: dict[str, object]) -> set[str]:
    """A clip's facts in the probe's words; "drums" is said where there are none, too."""
    words = {word for word in fact_words(facts) if not word.startswith("drums ")}
    return {*words, f"drums {'yes' if facts.get('drums') else 'no'}"}


def export_probe(task: ProbeTask, state: Path, path: Path) -> None:
    """The averaged weights of a run as one safetensors file in float16."""
    network = Probe(len(task.facts))
    load_ema(network, state)
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata={"facts": json.dumps(task.facts)})
