"""A length in seconds as whole bars, at a tempo that a score has yet to be written in."""

from __future__ import annotations

import math
from collections.abc import Mapping

from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.brought import Brought
from riffkit.music.composing import Asked
from riffkit.music.scoring import OwnScore
from riffkit.music.understanding import brief_of_prompt
from riffkit.prompt.prompt import Prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.score.compose import usual_beats
from riffkit.spectrogram.beat_grid import MAX_BARS, MAX_BPM, MIN_BPM


def tempo_and_metre(
    read: Prompt,
    request: Asked,
    traits: ModelTraits,
    *,
    own: OwnScore | None,
    brought: Mapping[str, Brought],
) -> tuple[float, int]:
    """Tempo and beats per bar of the score that `score_for` would write; of the same arguments."""
    if own is not None:
        facts = own.score.facts
        return facts.bpm if request.bpm is None else request.bpm, facts.beats_per_bar
    said = next((one.bpm for one in brought.values() if one.bpm is not None), None)
    said = None if said is None else min(max(said, MIN_BPM), MAX_BPM)
    brief = brief_of_prompt(read, traits, bpm=request.bpm)
    beats = next((one.beats_per_bar for one in brought.values() if one.beats_per_bar), None)
    bpm = request.bpm or said or brief.bpm or traits.default_bpm
    return bpm, request.beats_per_bar or beats or brief.beats_per_bar or usual_beats(brief.style)


def bars_for(seconds: float, bpm: float, beats_per_bar: int, *, loop: bool) -> int:
    """The bars that hold so many seconds; of a loop the nearest number.

    Raises ParameterError for more than there can be.
    """
    bars = seconds * bpm / 60 / beats_per_bar
    whole = max(1, round(bars) if loop else math.ceil(bars - 1e-9))
    if whole > MAX_BARS:
        raise ParameterError(
            f"duration={seconds:g}: needs {whole} bars at {bpm_text(bpm)} BPM; must be at "
            f"most {MAX_BARS}"
        )
    return whole
