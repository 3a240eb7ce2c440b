"""What can be measured of a clip."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.key import key
from riffkit.analysis.tempo import tempo
from riffkit.audio.loudness import integrated_lufs, true_peak_dbfs


@dataclass(frozen=True)
class ClipFacts:
    """The measured facts of one clip; confidences run from 0 to 1.

    `tempo_bpm` is None if nothing repeats; `key` (such as "A minor") is None where none is clear.
    Loudness and peak of silence are -inf.
    """

    seconds: float
    tempo_bpm: float | None
    tempo_confidence: float
    key: str | None
    key_confidence: float
    loudness_lufs: float
    true_peak_dbfs: float


def measure(waveform: Float[Tensor, "channel sample"], sample_rate: int) -> ClipFacts:
    """Measure a clip of any length. For the tempo, a clip under 16 s is treated as a loop."""
    found_tempo = tempo(waveform, sample_rate)
    found_key = key(waveform, sample_rate)
    return ClipFacts(
        seconds=waveform.shape[-1] / sample_rate,
        tempo_bpm=found_tempo.bpm if found_tempo else None,
        tempo_confidence=found_tempo.confidence if found_tempo else 0.0,
        key=found_key.name if found_key and found_key.is_clear else None,
        key_confidence=found_key.confidence if found_key else 0.0,
        loudness_lufs=integrated_lufs(waveform, sample_rate),
        true_peak_dbfs=true_peak_dbfs(waveform),
    )
