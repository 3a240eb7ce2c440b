"""What the transcriber is to say of a score: Gaussians where notes begin, and where they sound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.transcription.axes import HIGHEST_PITCH, LOWEST_PITCH, N_PITCHES
from riffkit.analysis.transcription.network import DRUMS
from riffkit.evaluation.score_onsets import drum_of
from riffkit.score import Track

_ONSET_COLUMNS = 0.75  # the Gaussian's standard deviation


@dataclass(frozen=True, eq=False)
class Truth:
    """The counterpart of Pitches and Strokes (riffkit/analysis/transcription/network.py)."""

    onset: Float[Tensor, "pitch column"]
    frame: Float[Tensor, "pitch column"]
    bass: Float[Tensor, "pitch column"]
    velocity: Float[Tensor, "pitch column"]
    drums: Float[Tensor, "drum column"]
    drum_velocity: Float[Tensor, "drum column"]


def truth_of(tracks: Iterable[Track], *, n_beats: int, n_columns: int) -> Truth:
    """Targets of tracks that sound together; time is circular."""
    onset, frame, bass, velocity = torch.zeros(4, N_PITCHES, n_columns)
    drums, drum_velocity = torch.zeros(2, len(DRUMS), n_columns)
    columns_per_beat = n_columns / n_beats
    for track in tracks:
        for note in track.notes:
            start = note.start * columns_per_beat
            if track.is_drums:
                drum = DRUMS.index(drum_of(note.pitch))
                _strike(drums[drum], drum_velocity[drum], start, note.velocity)
            elif LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH:
                row = note.pitch - LOWEST_PITCH
                _strike(onset[row], velocity[row], start, note.velocity)
                length = max(1, round(note.duration * columns_per_beat))
                places = torch.arange(round(start), round(start) + length) % n_columns
                frame[row, places] = 1
                bass[row, places] = float(track.role == "bass")
    return Truth(onset, frame, bass, velocity, drums, drum_velocity)


def _strike(
    onset: Float[Tensor, " column"],
    velocities: Float[Tensor, " column"],
    start: float,
    velocity: int,
) -> None:
    near = torch.arange(int(start) - 2, int(start) + 4)
    height = torch.exp(-0.5 * ((near - start) / _ONSET_COLUMNS) ** 2)
    places = near % len(onset)
    onset[places] = torch.maximum(onset[places], height)
    velocities[places[1:5]] = velocity / 127
