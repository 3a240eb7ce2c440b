"""Extend: adds bars after or before a clip, in its own tempo and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.music.fields import option
from riffkit.music.inputs import CLIP
from riffkit.music.request import BARS, STRENGTH, MusicRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_emphasis
from riffkit.spectrogram.beat_grid import MAX_BARS

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session
    from riffkit.music.source import Source
    from riffkit.score.notes import Score

_UNHEARD_SECONDS = 0.02
CONTEXT_BARS = 4
"""The new bars are painted beside this many of the clip's own."""


@dataclass(frozen=True)
class ExtendRequest(MusicRequest):
    """With `strength` below 1 the new bars start as an echo of the clip's."""

    prompt: str = option("The music of the new bars, in words.", "", positional=True)
    bars: int = option("Bars to add.", 4, **BARS)
    before: bool = option("Add them before the clip instead of after it.", False)
    strength: float = option("0 repeats the clip's bars, 1 ignores them.", 0.85, **STRENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_emphasis(self.prompt)


def _plan(session: Session, request: ExtendRequest, opened: Opened) -> Plan:
    from riffkit.music.planning import plan_for_source
    from riffkit.music.scoring import why_free
    from riffkit.spectrogram.beat_grid import BeatGrid

    source = opened["clip"]
    n_bars = min(CONTEXT_BARS, source.bars) + request.bars
    if n_bars > MAX_BARS:
        raise ParameterError(
            f"bars={request.bars}: must be at most {MAX_BARS - n_bars + request.bars} for this clip"
        )
    score = _score(session, request, source)
    prompt = request.prompt if score is None else _words(request, source, score)
    plan = plan_for_source(session, request, source, prompt)
    free = () if score is not None else why_free(session.pipeline, request.free)
    return replace(
        plan,
        grid=BeatGrid(plan.grid.bpm, n_bars * source.beats_per_bar),
        notes=(*plan.notes, *_remarks(source, request), *free),
        score=score,
        resolved={**plan.resolved, "free": score is None},
    )


def _score(session: Session, request: ExtendRequest, source: Source) -> Score | None:
    """That of the clip and its new bars, if one is painted after; of a replay the recorded one."""
    from riffkit.music.continued_score import continued_score
    from riffkit.music.scoring import composes
    from riffkit.music.understanding import without
    from riffkit.score.notes import Score

    if session.recorded is not None and session.recorded.score is not None:
        return Score.from_dict(session.recorded.score)
    style = "" if source.score is None else source.score.facts.style
    prompts = [session.read(text) for text in (request.prompt, style)]
    if not composes(session.pipeline, request.free, prompts):
        return None
    return continued_score(
        source,
        without(prompts[0], session.read(request.negative_prompt)),
        session.pipeline.traits,
        bars=request.bars,
        before=request.before,
        seed=request.seed,
    )


def _words(request: ExtendRequest, source: Source, score: Score) -> str:
    """The request's, else those that the clip was made from, else its style and players."""
    facts = score.facts
    players = [*facts.instruments, *["drums"] * facts.drums]
    return request.prompt or source.prompt or f"{facts.style} with {', '.join(players)}"


def _paint(
    session: Session, plan: Plan, request: ExtendRequest, opened: Opened
) -> Sequence[Painted]:
    """Add bars after or before the clip, which is unchanged. An incomplete last bar is completed
    first.
    """
    from riffkit.music.continuation import Continuation
    from riffkit.music.finish import Ending, Painted
    from riffkit.music.guiding import guide_of
    from riffkit.score.spans import span_of

    source = opened["clip"]
    place = Continuation.of(source, plan.grid, n_bars=request.bars, before=request.before)
    canvas = session.canvas(plan, loop=False)
    inpainting = place.inpainting(canvas, strength=request.strength)
    guide = None
    if plan.score is not None:
        n_own = 0 if request.before else plan.score.n_beats - plan.grid.n_beats
        beside = span_of(plan.score, n_own, n_own + plan.grid.n_beats)
        guide = guide_of(session, plan, canvas, beside)
    painted = session.picture(plan, canvas, seed=request.seed, inpainting=inpainting, guide=guide)
    pixels = place.with_own(painted)
    image = replace(source.image, pixels=pixels, grid=plan.grid)
    return [
        Painted(
            image,
            seed=request.seed,
            known=place.known_sound(image),
            join=lambda whole: place.joined(whole),
            ending=Ending.of_own_level(source.waveform),
        )
    ]


def _remarks(source: Source, request: ExtendRequest) -> tuple[str, ...]:
    """What is added beside the bars that were asked for."""
    n_open = source.n_lead
    if not request.before:
        n_open = source.image.n_samples - source.n_lead - source.waveform.shape[-1]
    seconds = n_open / source.sample_rate
    if seconds < _UNHEARD_SECONDS:
        return ()
    bar, which = ("first", "before that") if request.before else ("last", "then")
    number = "1 bar is" if request.bars == 1 else f"{request.bars} bars are"
    return (f"the clip's {bar} bar is completed by {seconds:.2f} s, {which} {number} added",)


def _title(request: ExtendRequest, inputs: Mapping[str, Any]) -> str:
    return f"{Path(inputs['clip']).stem} longer"


EXTEND = Task(
    "extend",
    "Add bars after the end of a clip, or before its beginning.",
    ExtendRequest,
    _plan,
    _paint,
    _title,
    example='riff.extend("song.wav", bars=8)',
    inputs=(CLIP,),
)
