"""Training of the probe (riffkit/evaluation/probe.py) on rendered bands, whose facts are known."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.evaluation.probe import KINDS, Heard, Probe, load_probe
from riffkit.spectrogram.params import CRISP
from riffkit.training.rows import Rows
from riffkit.training.state import load_ema
from train.facts import fact_words
from train.judges.probe_clips import ProbeClip

LARGEST_NOISE = 0.05  # of the loudness
_JOINED_SHARE, _SOFTEST = 0.3, 0.8
_POWER = 8  # loudness is the fourth root of a magnitude


@dataclass(frozen=True)
class HeardBatch(Rows):
    """Pooled images, which facts are true of them, and of which that is known."""

    loudness: Float[Tensor, "batch plane row column"]
    truth: Bool[Tensor, "batch fact"]
    known: Bool[Tensor, "batch fact"]


@dataclass(frozen=True, eq=False)
class _Clips:
    """All clips of one width."""

    loudness: Tensor
    truth: Bool[Tensor, "clip fact"]
    known: Bool[Tensor, "clip fact"]
    is_mix: Bool[Tensor, " clip"]


class ProbeTask:
    """Clips are turned in time, made a little louder or softer, and noised.

    Now and then another clip of the same length sounds with one: the more instruments. `begin` is
    a probe to go on from, whose facts are kept.
    """

    def __init__(
        self, clips: Sequence[ProbeClip], held_out: Sequence[ProbeClip], begin: Path | None = None
    ) -> None:
        words = sorted(set().union(*(probe_facts(clip.facts) for clip in clips)))
        self.facts = tuple(w for w in words if w.split()[0] in KINDS)
        if not self.facts:
            raise ParameterError("clips: none has facts; render some for the probe")
        known = None if begin is None else load_probe(begin)
        if known is not None:
            self.facts = known.facts
        self.network: nn.Module = Probe(len(self.facts))
        if known is not None:
            self.network.load_state_dict(known.network.state_dict())
        self._clips, self._held_out = self._by_width(clips), self._by_width(held_out)
        sizes = {width: len(some.truth) for width, some in self._clips.items()}
        self._widths = torch.tensor([width for width, n in sizes.items() for _ in range(n)])
        self._rows = torch.cat([torch.arange(n) for n in sizes.values()])
        self.n_items = len(self._rows)
        of_instruments = [fact.startswith("instrument ") for fact in self.facts]
        of_drums = [fact.startswith("drums ") for fact in self.facts]
        self._of_instruments, self._of_drums = torch.tensor(of_instruments), torch.tensor(of_drums)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> HeardBatch:
        width = int(self._widths[items[0]])
        clips = self._clips[width]
        rows = self._rows[items[self._widths[items] == width]]
        loudness = _turned(clips, rows, generator)
        truth, known = clips.truth[rows], clips.known[rows]
        others = torch.randint(len(clips.truth), (len(rows),), generator=generator)
        joined = torch.rand(len(rows), generator=generator) < _JOINED_SHARE
        softer = 1 - (1 - _SOFTEST) * torch.rand((len(rows), 1, 1, 1), generator=generator)
        more = softer * _turned(clips, others, generator) * joined[:, None, None, None]
        loudness = (loudness.pow(_POWER) + more.pow(_POWER)).pow(1 / _POWER)
        truth, known = self._with(truth, known, clips.truth[others], joined)
        gain = 0.9 + 0.2 * torch.rand((len(rows), 1, 1, 1), generator=generator)
        noise = torch.randn(loudness.shape, generator=generator)
        noise *= LARGEST_NOISE * torch.rand((len(rows), 1, 1, 1), generator=generator)
        return HeardBatch((gain * loudness + noise).clamp(0, 1), truth, known)

    def loss(self, batch: HeardBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        device = next(self.network.parameters()).device
        logits = self.network(batch.loudness.to(device))
        return _cross_entropy(logits, batch.truth.to(device), batch.known.to(device)), {}

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """What it hears of bands, and of players alone, that training never sees."""
        device = next(network.parameters()).device
        scores: dict[str, list[float]] = defaultdict(list)
        losses = []
        for clips in self._held_out.values():
            logits = network((clips.loudness.float() / 255).to(device)).float().cpu()
            losses.append(float(_cross_entropy(logits, clips.truth, clips.known)))
            for row, true, known, is_mix in zip(
                logits, clips.truth, clips.known, clips.is_mix, strict=True
            ):
                heard = Heard(dict(zip(self.facts, row.tolist(), strict=True)))
                said = [f for f, yes in zip(self.facts, true & known, strict=True) if yes]
                for name, score in _scores(heard, said).items():
                    scores[f"{'mix' if is_mix else 'alone'}_{name}"].append(score)
        means = {f"held_out_{name}": float(np.mean(values)) for name, values in scores.items()}
        return {"held_out_loss": float(np.mean(losses)), **means}

    def _by_width(self, clips: Sequence[ProbeClip]) -> dict[int, _Clips]:
        widths: dict[int, list[ProbeClip]] = defaultdict(list)
        for clip in clips:
            widths[clip.loudness.shape[-1]].append(clip)
        return {width: self._stacked(some) for width, some in widths.items()}

    def _stacked(self, clips: Sequence[ProbeClip]) -> _Clips:
        said = [probe_facts(clip.facts) for clip in clips]
        known = [
            [bool(clip.facts.get("style")) or not fact.startswith("style ") for fact in self.facts]
            for clip in clips
        ]
        return _Clips(
            torch.stack([clip.loudness for clip in clips]),
            torch.tensor([[fact in words for fact in self.facts] for words in said]),
            torch.tensor(known),
            torch.tensor([clip.facts.get("kind") == "mix" for clip in clips]),
        )

    def _with(
        self, truth: Tensor, known: Tensor, more: Tensor, joined: Bool[Tensor, " batch"]
    ) -> tuple[Tensor, Tensor]:
        """What is true where another clip joins: of style and density nothing is known then."""
        both = truth | more
        has_drums = both[:, self.facts.index("drums yes")]
        both = both.clone()
        both[:, self.facts.index("drums no")] = ~has_drums
        sure = known & (self._of_instruments | self._of_drums)
        return torch.where(joined[:, None], both, truth), torch.where(joined[:, None], sure, known)


def _turned(clips: _Clips, rows: Tensor, generator: torch.Generator) -> Tensor:
    loudness = clips.loudness[rows].float() / 255
    turns = torch.randint(loudness.shape[-1], (len(rows),), generator=generator)
    return torch.stack([x.roll(int(k), -1) for x, k in zip(loudness, turns, strict=True)])


def _cross_entropy(logits: Tensor, truth: Tensor, known: Tensor) -> Float[Tensor, ""]:
    losses = functional.binary_cross_entropy_with_logits(logits, truth.float(), reduction="none")
    return (losses * known).sum(dim=1).mean()


def _scores(heard: Heard, true: list[str]) -> dict[str, float]:
    scores = {}
    for kind in KINDS:
        values = [fact.removeprefix(f"{kind} ") for fact in true if fact.startswith(f"{kind} ")]
        if kind == "instrument" and values:
            scores[kind] = heard.share_heard(values)
        elif values:
            scores[kind] = float(heard.most_likely(kind) == values)
    return scores


def probe_facts(facts: Mapping[str, Any]) -> set[str]:
    """A clip's facts in the probe's words; "drums" is said where there are none, too."""
    words = {word for word in fact_words(facts) if not word.startswith("drums ")}
    return {*words, f"drums {'yes' if facts.get('drums') else 'no'}"}


def export_probe(task: ProbeTask, state: Path, path: Path) -> None:
    """The averaged weights of a run as one safetensors file in float16."""
    network = Probe(len(task.facts))
    load_ema(network, state)
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"facts": json.dumps(task.facts), "preset": CRISP.preset}
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata=said)
