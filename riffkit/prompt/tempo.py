"""The tempo in a prompt."""

from __future__ import annotations

import re

from riffkit.prompt.traits import ModelTraits
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

_NAMED_TEMPO = re.compile(r"(?<![\d.])(\d{2,3}(?:[.,]\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)


def named_bpm(text: str) -> float | None:
    """The tempo named in a text ("84 bpm"), or None if it is out of range."""
    for match in _NAMED_TEMPO.finditer(text):
        bpm = float(match[1].replace(",", "."))
        if MIN_BPM <= bpm <= MAX_BPM:
            return bpm
    return None


def with_tempo(text: str, bpm: float, traits: ModelTraits) -> str:
    """A text with the tempo added, for a model whose captions named it."""
    if not traits.names_tempo or named_bpm(text) is not None:
        return text
    return f"{text}, {bpm:g} bpm"
