"""The score of a story: a section for each keyframe, all in one key, tempo and metre."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from riffkit.music.request import PaintRequest
from riffkit.music.session import Session
from riffkit.music.theme import Theme
from riffkit.music.timeline import Timeline
from riffkit.music.understanding import brief_of_prompt, without
from riffkit.score.compose import compose
from riffkit.score.notes import Score, Section
from riffkit.score.spans import joined, span_of


def story_score(
    session: Session, request: PaintRequest, timeline: Timeline, theme: Theme | None
) -> Score:
    """Compose for a timeline's prompts; each has the bars that are nearest to its keyframe.

    Key, tempo and metre are the request's, else the theme's, else the first section's; over a theme
    whose chords are known, all play those. A prompt without a style has that of the one before it.
    Sections have their prompts for names.
    """
    bpm, key, beats = request.bpm, request.key, request.beats_per_bar
    chords = () if theme is None else theme.chords
    if theme is not None:
        bpm, beats = theme.bpm if bpm is None else bpm, theme.beats_per_bar
        key = theme.key_name if key is None else key
    scores, style = list[Score](), None
    for frame in timeline.keyframes:
        avoided = session.read(frame.negative_prompt or request.negative_prompt)
        brief = brief_of_prompt(
            without(session.read(frame.prompt), avoided),
            session.pipeline.traits,
            bpm=bpm,
            key=key,
            beats_per_bar=beats,
        )
        brief = replace(brief, style=brief.style or style, chords=chords)
        seed = request.seed if frame.seed is None else frame.seed
        score = compose(brief, bars=timeline.bars, seed=seed)
        facts = score.facts
        bpm, beats, style = facts.bpm, facts.beats_per_bar, facts.style
        if key is None and facts.key is not None:
            key = f"{facts.key} {facts.mode}"
        scores.append(score)
    pieces = []
    for owner, run in groupby(range(timeline.bars), timeline.nearest):
        bars = [*run]
        begin, end = (bar * scores[owner].facts.beats_per_bar for bar in (bars[0], bars[-1] + 1))
        section = Section(timeline.keyframes[owner].prompt, 0.0, float(end - begin))
        pieces.append(replace(span_of(scores[owner], begin, end), sections=(section,)))
    return joined(pieces)
