"""Which tempo a prompt asks for."""

from __future__ import annotations

import re

from riffkit.diffusion.places import ModelTraits
from riffkit.music.wording import as_model_reads
from riffkit.music.words import longest_named
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

_NAMED_TEMPO = re.compile(r"(?<![\d.])(\d{2,3}(?:\.\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)


def named_bpm(prompt: str) -> float | None:
    """The tempo that the prompt names ("84 bpm"), if it is a possible one."""
    for match in _NAMED_TEMPO.finditer(prompt):
        bpm = float(match[1])
        if MIN_BPM <= bpm <= MAX_BPM:
            return bpm
    return None


def choose_bpm(prompt: str, traits: ModelTraits, *, bpm: float | None = None) -> float:
    """The tempo given, else the one that the prompt names, else the style's, else the model's."""
    if bpm is not None:
        return bpm
    prompt = as_model_reads(prompt, traits)
    return named_bpm(prompt) or _style_bpm(prompt, traits.style_bpm) or traits.default_bpm


def _style_bpm(prompt: str, style_bpm: dict[str, float]) -> float | None:
    """The tempo of the style that the prompt names; of several the longest name."""
    style = longest_named(prompt, style_bpm)
    return None if style is None else style_bpm[style]


def with_tempo(prompt: str, bpm: float, traits: ModelTraits) -> str:
    """The prompt as a model whose captions named the tempo should read it."""
    if not traits.names_tempo or named_bpm(prompt) is not None:
        return prompt
    return f"{prompt}, {bpm:g} bpm"
