"""The score of a clip that is made longer: its own, or what is heard of it, and bars composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from riffkit.errors import ParameterError
from riffkit.music.heard_score import Beats, heard_score
from riffkit.music.source import Source
from riffkit.music.transcribing import hear_image
from riffkit.music.understanding import brief_of_prompt
from riffkit.prompt.prompt import Prompt
from riffkit.prompt.traits import ModelTraits
from riffkit.score.brief import MAX_INSTRUMENTS, Brief
from riffkit.score.compose import compose
from riffkit.score.harmony import Chord
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Score
from riffkit.score.spans import chords_between, in_bars, joined
from riffkit.score.styles import STYLES


def continued_score(
    source: Source, prompt: Prompt, traits: ModelTraits, *, bars: int, before: bool, seed: int
) -> Score:
    """Compose bars after a clip or before it, in its tempo, metre and key, over its chords.

    Args:
        source: the clip. Its score is that of its recipe, else its notes are heard.
        prompt: what is asked of the new bars. Where it names neither players nor another style,
            those of the clip's own score play on.
        traits: the model's.
        bars: how many are composed.
        before: whether they come before the clip.
        seed: of what isn't asked for.

    Returns:
        The score of all bars, the clip's and the new ones.
    """
    own, beats = score_of_clip(source), source.beats_per_bar
    key = source.key_name
    if key is None and own is not None and own.facts.key is not None:
        key = f"{own.facts.key} {own.facts.mode}"
    brief = brief_of_prompt(prompt, traits, bpm=source.grid.bpm, key=key, beats_per_bar=beats)
    if own is not None:
        begin = float(-bars * beats % own.n_beats) if before else 0.0
        brief = replace(brief, chords=_sounding(own.chords, begin, begin + bars * beats))
    if source.score is not None:
        brief = _played_on(brief, source.score)
    new = compose(brief, bars=bars, seed=seed)
    if own is None:
        own = in_bars(replace(new, tracks=(), chords=(), sections=()), source.bars)
    both = [replace(own, facts=replace(new.facts, n_beats=own.n_beats)), new]
    return joined(both[::-1] if before else both)


def score_of_clip(source: Source) -> Score | None:
    """A clip's own score along its bars, else its notes as heard; None if there are none."""
    if source.score is not None:
        return in_bars(source.score, source.bars)
    grid = source.grid
    beats = Beats(grid.bpm, lambda t: t * grid.bpm / 60, grid.n_beats, is_loop=True)
    try:
        score = heard_score(hear_image(source.image), beats, source.beats_per_bar, None, "clip")
    except ParameterError:
        return None
    return in_bars(score, source.bars)


def _sounding(chords: Sequence[Chord], begin: float, end: float) -> tuple[Chord, ...]:
    if not chords:
        return ()
    found = chords_between(chords, begin, end)
    return found if any(chord.intervals for chord in found) else ()


def _played_on(brief: Brief, own: Score) -> Brief:
    """With a score's style and players, where the brief asks for no others."""
    style = own.facts.style if own.facts.style in STYLES else None
    if brief.style not in (None, style):
        return brief
    brief = replace(brief, style=style)
    if brief.instruments or brief.only_drums:
        return brief
    names = dict.fromkeys(track.instrument for track in own.tracks if not track.is_drums)
    players = tuple(name for name in names if name in INSTRUMENTS and name not in brief.without)
    drums = any(track.is_drums for track in own.tracks)
    return replace(
        brief,
        instruments=players[:MAX_INSTRUMENTS],
        drums=drums if brief.drums is None else brief.drums,
        only_drums=drums and not players,
    )
