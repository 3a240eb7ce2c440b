"""The beat grid: an image laid out in beats instead of milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from riffkit.errors import ParameterError

PIXELS_PER_BEAT = 64
MIN_BPM, MAX_BPM = 20.0, 400.0
MAX_BARS = 512


@dataclass(frozen=True)
class BeatGrid:
    """`n_beats` beats at `bpm`, 64 pixels per beat at any tempo (tags BPM, BEATS)."""

    bpm: float
    n_beats: int

    def __post_init__(self) -> None:
        if not MIN_BPM <= self.bpm <= MAX_BPM:
            raise ParameterError(
                f"bpm={self.bpm:g}: must be between {MIN_BPM:g} and {MAX_BPM:g} beats per minute"
            )
        if self.n_beats < 1:
            raise ParameterError(f"n_beats={self.n_beats}: must be at least 1")

    @property
    def n_frames(self) -> int:
        """The image's width in pixels."""
        return self.n_beats * PIXELS_PER_BEAT

    @property
    def seconds(self) -> float:
        return self.n_beats * 60 / self.bpm

    def n_samples(self, sample_rate: int) -> int:
        """The exact length of the clip: round(beats · 60 / bpm · rate)."""
        return round(self.seconds * sample_rate)
