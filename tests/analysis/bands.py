"""Bands of the own synthesiser, whose players' sounds are known: mixtures to take apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from riffkit.analysis.separation.network import GROUPS
from riffkit.music.mixing import mix
from riffkit.score import write_score
from train.listeners.separator.mixtures import group_of
from train.sounds.patches import draw_machine, draw_voice
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.sounds.timbre import Timbre, sound_track
from train.sounds.treatment import draw_treatment


@dataclass(frozen=True, eq=False)
class Mixture:
    """Groups' sounds at 44.1 kHz, "group channel sample"; added up they are the mix."""

    groups: Tensor

    @property
    def mix(self) -> Tensor:
        return self.groups.sum(dim=0)

    @property
    def present(self) -> list[int]:
        """The groups that are no silence."""
        return [k for k, sound in enumerate(self.groups) if float(sound.abs().max()) > 1e-4]


def synthesised(seed: int) -> Mixture:
    """The score of that seed, without a soundfont."""
    score, rng = write_score(seed), np.random.default_rng(seed)
    kit, dry = draw_machine(rng), []
    for track in score.tracks:
        timbre = Timbre(
            kit if track.is_drums else draw_voice(track, rng), draw_treatment(track, rng)
        )
        dry.append(sound_track(track, timbre, n_beats=score.n_beats, n_samples=loop_samples(score)))
    names = [str(place) for place in range(len(dry))]
    stems = list(mix(dry, score, SAMPLE_RATE, names=names).stems.values())
    groups = np.zeros((len(GROUPS), *stems[0].shape), np.float32)
    for place, stem in enumerate(stems):
        name = group_of(score.tracks[place]) if place < len(dry) else "chords"
        groups[GROUPS.index(name)] += stem
    return Mixture(torch.from_numpy(groups))


def distortion_ratio_db(true: Tensor, found: Tensor) -> float:
    """The signal-to-distortion ratio: energy over that of what is wrong."""
    wrong = (true - found).square().sum().clamp_min(1e-12)
    return 10 * float((true.square().sum() / wrong).log10())
