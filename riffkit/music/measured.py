"""What follows from a sound's measured tempo, bars and key, and what the user is told of it."""

from __future__ import annotations

from riffkit.analysis.beats import BarGrid
from riffkit.analysis.key import Key
from riffkit.limits import bpm_text

LOOP_TOLERANCE = 0.01
"""A clip this near to whole bars plays round."""
_LOOP_SECONDS = 30.0  # a longer clip must match to the sample
_RISE_SECONDS = 0.012  # how early the onset curve rises before an attack, measured on drums
_SURE = 0.15  # a tempo with less confidence is called a guess


def is_sure(bars: BarGrid) -> bool:
    """Whether the tempo is more than a guess."""
    return bars.confidence >= _SURE


def whole_bars(n_samples: int, rate: int, bpm: float, beats_per_bar: int) -> int | None:
    """How many bars a clip is, if it plays round; None if it isn't whole bars."""
    bars = n_samples / (60 / bpm * beats_per_bar * rate)
    tolerance = LOOP_TOLERANCE if n_samples < _LOOP_SECONDS * rate else 2 / n_samples
    whole = round(bars)
    return whole if whole and abs(bars / whole - 1) <= tolerance else None


def downbeats(bars: BarGrid, beats_per_bar: int) -> list[float]:
    """Where bars begin, in seconds from the start of the sound."""
    return [
        float(beat) + _RISE_SECONDS for beat in bars.beat_seconds[bars.downbeat :: beats_per_bar]
    ]


def tempo_note(name: str, bars: BarGrid) -> str:
    """How the tempo of a file was found."""
    how = "detected" if is_sure(bars) else "guessed"
    return f"{name}: {bpm_text(bars.mean_bpm)} BPM {how} (override with `bpm`)"


def key_note(name: str, found: Key) -> str:
    """How the key of a file was found."""
    how = "detected" if found.is_clear else "guessed"
    return f"{name}: {found.name} {how} (override with `key`)"
