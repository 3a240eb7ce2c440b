"""Captions of one player alone: the prompt that a stem is painted with, and others true of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from riffkit.score.captions import captions
from riffkit.score.facts import measured_density
from riffkit.score.notes import ScoreFacts, Track
from riffkit.score.stems import stem_words

_PROMPT_SHARE = 0.5
_KEY_SHARE, _TEMPO_SHARE = 0.3, 0.3
_FIGURES = {
    "lead": "melody",
    "comp": "chords",
    "pad": "chords",
    "arp": "arpeggio",
    "bass": "bass line",
}


def stem_facts(facts: ScoreFacts, tracks: Sequence[Track]) -> ScoreFacts:
    """What is true of one player of a score.

    Args:
        facts: the score's.
        tracks: the player's; their first one's role says what is played.

    Returns:
        The facts of a solo, or of drums only: without a key, as drums have none.

    Example:
        stem_facts(score.facts, stems_of(score)[0].tracks).instruments
    """
    density = measured_density(tracks, facts.n_beats)
    if tracks[0].is_drums:
        return replace(
            facts,
            instruments=(),
            drums=True,
            key=None,
            mode=None,
            density=density,
            texture="drums only",
            figure="",
        )
    return replace(
        facts,
        instruments=(tracks[0].instrument,),
        drums=False,
        density=density,
        texture="solo",
        figure=_FIGURES.get(tracks[0].role, facts.figure if len(tracks) == 1 else ""),
        kit="",
    )


def stem_captions(facts: ScoreFacts, tracks: Sequence[Track], n: int, seed: int) -> list[str]:
    """`n` captions of one player alone, all true.

    Half of them are `stem_words`, which stems are painted with, with or without key and tempo; the
    others are those of a solo.

    Args:
        facts: the score's.
        tracks: the player's.
        n: how many captions.
        seed: draws them.

    Returns:
        Captions, not all of them different.

    Example:
        stem_captions(score.facts, stems_of(score)[0].tracks, 8, seed=0)
    """
    rng = random.Random(f"stem captions {facts.seed} {seed}")
    alone = stem_facts(facts, tracks)
    free = captions(alone, n, seed)
    prompt = stem_words(facts, tracks)
    return [
        _with_key_and_tempo(prompt, alone, rng) if rng.random() < _PROMPT_SHARE else text
        for text in free
    ]


def _with_key_and_tempo(text: str, facts: ScoreFacts, rng: random.Random) -> str:
    parts = [text]
    if facts.key and rng.random() < _KEY_SHARE:
        parts.append(facts.key if facts.mode == "blues" else f"{facts.key} {facts.mode}")
    if rng.random() < _TEMPO_SHARE:
        parts.append(f"{facts.bpm:g} bpm")
    return ", ".join(parts)
