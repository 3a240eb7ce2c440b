"""The training of the transcriber's two networks, and what they hear of held-out bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from riffkit.analysis.transcription.listening import decode_pitches, decode_strokes
from riffkit.analysis.transcription.network import DrumNetwork, Pitches, PitchNetwork, Strokes
from riffkit.evaluation.note_match import Matched, match_notes
from riffkit.evaluation.score_onsets import true_drums, true_pitches
from riffkit.training.rows import Rows
from train.listeners.transcriber.library import Library
from train.listeners.transcriber.mixes import Example, Shares, draw_mix, real_mix, real_track

_PITCH_SHARES = Shares(pitched=0.3, drums=0.15, drum=0.05, few=0.2)
_DRUM_SHARES = Shares(pitched=0.05, drums=0.3, drum=0.15, few=0.15)
_DRUM_WEIGHTS = (1.0, 1.0, 1.0, 4.0, 2.0, 3.0, 3.0)  # rarer ones count more
_BEGINS = 0.3  # where a target is above it, velocities are learned


@dataclass(frozen=True)
class PitchBatch(Rows):
    """The pitches' input, and what is to be said (see Truth)."""

    bins: Float[Tensor, "batch bin column"]
    onset: Float[Tensor, "batch pitch column"]
    frame: Float[Tensor, "batch pitch column"]
    bass: Float[Tensor, "batch pitch column"]
    velocity: Float[Tensor, "batch pitch column"]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> PitchBatch:
        truths = [example.truth for example in examples]
        names = ("onset", "frame", "bass", "velocity")
        return cls(
            torch.stack([example.bins for example in examples]),
            *(torch.stack([getattr(truth, name) for truth in truths]) for name in names),
        )


@dataclass(frozen=True)
class DrumBatch(Rows):
    """The drums' input, and what is to be said."""

    bands: Float[Tensor, "batch band fine_column"]
    drums: Float[Tensor, "batch drum column"]
    velocity: Float[Tensor, "batch drum column"]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> DrumBatch:
        truths = [example.truth for example in examples]
        return cls(
            torch.stack([example.bands for example in examples]),
            torch.stack([truth.drums for truth in truths]),
            torch.stack([truth.drum_velocity for truth in truths]),
        )


class PitchTask:
    """Which notes begin when, how long they sound, and whether they are the bass's."""

    def __init__(self, library: Library) -> None:
        network: Any = PitchNetwork()
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # twice as fast
        self.n_items = 1  # the library knows what there is
        self._library = library

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> PitchBatch:
        bands = self._library.draw(len(items), generator)
        return PitchBatch.of([draw_mix(band, generator, _PITCH_SHARES) for band in bands])

    def loss(self, batch: PitchBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """Means over columns of sums over pitches."""
        heard: Pitches = self.network(batch.bins)
        bass = _cross_entropy(heard.bass, batch.bass, weight=batch.frame)
        error = (heard.velocity - batch.velocity).square()
        losses = {
            "onset": _cross_entropy(heard.onset, batch.onset),
            "frame": _cross_entropy(heard.frame, batch.frame),
            "bass": bass,
            "velocity": (error * (batch.onset > _BEGINS)).sum(1).mean(),
        }
        weights = {"onset": 2.0, "frame": 0.5, "bass": 0.2, "velocity": 2.0}
        return _weighted(losses, weights)

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """F1 of the notes of held-out bands, and of their single tracks."""
        band_notes, single_notes = Matched(), Matched()
        for band in self._library.held_out:
            tracks = band.score.tracks
            pitched = [k for k, track in enumerate(tracks) if not track.is_drums]
            examples = [real_mix(band), *(real_track(band, [k]) for k in pitched)]
            for example, players in zip(
                examples, (tracks, *((tracks[k],) for k in pitched)), strict=True
            ):
                notes = decode_pitches(network(example.bins[None]), band.seconds)
                found = match_notes(
                    ((note.start, note.pitch) for note in notes),
                    true_pitches(players, band.score),
                    period=band.seconds,
                )
                if example is examples[0]:
                    band_notes += found
                else:
                    single_notes += found
        return {
            "band_f1": band_notes.f1,
            "band_precision": band_notes.precision,
            "single_f1": single_notes.f1,
            "single_precision": single_notes.precision,
            "bands": float(len(self._library)),
        }


class DrumTask:
    """When which drum is struck."""

    def __init__(self, library: Library) -> None:
        self.network: nn.Module = DrumNetwork()
        self.n_items = 1
        self._library = library

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> DrumBatch:
        bands = self._library.draw(len(items), generator)
        return DrumBatch.of([draw_mix(band, generator, _DRUM_SHARES) for band in bands])

    def loss(self, batch: DrumBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """Means over columns of sums over drums."""
        heard: Strokes = self.network(batch.bands)
        error = (heard.velocity - batch.velocity).square()
        weight = torch.tensor(_DRUM_WEIGHTS, device=batch.drums.device)[:, None]
        losses = {
            "drums": _cross_entropy(heard.drums, batch.drums, weight.expand_as(batch.drums)),
            "velocity": (error * (batch.drums > _BEGINS)).sum(1).mean(),
        }
        return _weighted(losses, {"drums": 1.0, "velocity": 1.0})

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """F1 of the strokes of held-out bands, and of their drums alone."""
        found = {"band": Matched(), "drums": Matched()}
        for band in self._library.held_out:
            drums = [k for k, track in enumerate(band.score.tracks) if track.is_drums]
            examples = {"band": real_mix(band)}
            examples |= {"drums": real_track(band, drums)} if drums else {}
            for name, example in examples.items():
                strokes = decode_strokes(network(example.bands[None]), band.seconds)
                found[name] += match_notes(
                    ((stroke.start, stroke.drum) for stroke in strokes),
                    true_drums(band.score.tracks, band.score),
                    period=band.seconds,
                )
        figures = {f"{name}_f1": matched.f1 for name, matched in found.items()}
        figures |= {f"{name}_precision": matched.precision for name, matched in found.items()}
        return {**figures, "bands": float(len(self._library))}


def _cross_entropy(
    logits: Float[Tensor, "batch row column"],
    target: Float[Tensor, "batch row column"],
    weight: Float[Tensor, "batch row column"] | None = None,
) -> Float[Tensor, ""]:
    losses = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="none")
    return losses.sum(1).mean()


def _weighted(
    losses: dict[str, Tensor], weights: dict[str, float]
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    total = sum((weights[name] * loss for name, loss in losses.items()), torch.zeros(()))
    return total, {name: float(loss.detach()) for name, loss in losses.items()}
