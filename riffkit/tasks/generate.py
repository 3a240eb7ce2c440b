"""Generate: from a prompt and noise to a clip."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.music.fields import option
from riffkit.music.inputs import DRUMS, MELODY, SCORE
from riffkit.music.request import BARS, STRENGTH, MusicRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_prompt

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.music.brought import Brought
    from riffkit.music.finish import Band, Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session
    from riffkit.score.notes import Score
    from riffkit.score.stems import Stem
    from riffkit.spectrogram.image import SpectrogramImage

USUAL_BARS = 2
_NOTES = ("chords", "stems", "solo", "mute", "replace")


@dataclass(frozen=True)
class GenerateRequest(MusicRequest):
    """The length is `bars` (2 by default) or `duration`.

    With `duration`, the music is made in whole bars and cut to length; a loop is rounded to whole
    bars instead. A `score` is played as it is; over `chords`, a `melody` and `drums` a score is
    composed. Their tempo, metre, key and length are the defaults, but of a recording's melody the
    first 8 bars at most. With `stems`, `solo`, `mute` or `replace`, each player is painted alone.
    """

    prompt: str = option("The music in words: 'lo-fi piano, rainy'.", positional=True)
    bars: int | None = option(
        "Length in bars. Default: the score's or melody's, else 2.", None, **BARS
    )
    duration: float | None = option("Length in seconds, instead of bars.", None)
    loop: bool = option("Make a seamless loop.", False)
    chords: str | None = option("Chords to play over: 'Am7 | F | C/G | G7sus4'.", None)
    track: tuple[str, ...] = option(
        "Instrument for a track of the score, such as 2=violin; repeatable.", (), metavar="N=NAME"
    )
    humanize: float = option("Play a score unevenly, as people do, 0 to 1.", 0.0, **STRENGTH)
    melody_strength: float | None = option(
        "0 follows the melody or score, 1 ignores it. Default: 0.5; of a guided model 0.",
        None,
        **STRENGTH,
    )
    stems: bool = option("Write each player to a file of its own, too.", False)
    solo: tuple[str, ...] = option("Only these players: 'bass'; repeatable.", (), metavar="NAME")
    mute: tuple[str, ...] = option("Not these players; repeatable.", (), metavar="NAME")
    replace: tuple[str, ...] = option(
        "Another instrument for a player: bass='upright bass'; repeatable.", (), metavar="NAME=NAME"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)
        if self.bars is not None and self.duration is not None:
            raise ParameterError("bars and duration: can't be combined; remove one of them")
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ParameterError(f"duration={self.duration:g}: must be above 0 seconds")

    @property
    def plays_apart(self) -> bool:
        """Whether each player is painted alone."""
        return bool(self.stems or self.solo or self.mute or self.replace)


def _check(request: GenerateRequest, inputs: Mapping[str, Any]) -> None:
    """What doesn't go together."""
    files = {"score", "melody", "drums"} & inputs.keys()
    if "score" in files and (
        others := sorted(files - {"score"}) + ["chords"] * bool(request.chords)
    ):
        raise ParameterError(f"score and {others[0]}: can't be combined; remove one of them")
    if request.track and "score" not in files:
        raise ParameterError("track: is for the tracks of a score; add `score`, or use `replace`")
    if request.free and _has_notes(request, files):
        given = [*sorted(files), *(name for name in _NOTES if getattr(request, name))]
        raise ParameterError(f"free and {given[0]}: can't be combined; remove one of them")
    if request.chords is not None:
        from riffkit.score.chords import parse_chords

        parse_chords(request.chords, beats_per_bar=request.beats_per_bar or 4)


def _has_notes(request: GenerateRequest, files: Collection[str]) -> bool:
    """Whether a score is painted after: the user's, or one that is composed."""
    brought = {"score", "melody", "drums"} & set(files)
    return bool(brought or request.chords is not None or request.plays_apart)


def _plan(session: Session, request: GenerateRequest, opened: Opened) -> Plan:
    from riffkit.music.durations import bars_for
    from riffkit.music.guiding import USUAL_FREEDOM
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan
    from riffkit.music.scoring import composes, why_free
    from riffkit.music.understanding import reading_of
    from riffkit.prompt.prompt import choose_bpm

    is_recorded = session.recorded is not None and session.recorded.score is not None
    if is_recorded or _has_notes(request, opened.keys()):
        return _plan_score(session, request, opened)
    read = session.read(request.prompt)
    if composes(session.pipeline, request.free, [read]):
        plan = _plan_score(session, request, opened)
        meant = (f"prompt: {note}" for note in reading_of(read).notes)
        return replace(plan, notes=(*meant, *plan.notes))
    for name, usual in (("humanize", (0.0,)), ("melody_strength", (None, USUAL_FREEDOM))):
        if getattr(request, name) not in usual:
            raise ParameterError(
                f"{name}: is for notes; add `score`, `chords`, `melody`, `drums` or `stems`"
            )
    beats = session.metre(request)
    bpm = choose_bpm(read, session.pipeline.traits, bpm=request.bpm)
    bars = request.bars or USUAL_BARS
    if request.duration is not None:
        bars = bars_for(request.duration, bpm, beats, loop=request.loop)
    plan = make_plan(
        session,
        request,
        [Asked(request.prompt, request.negative_prompt)],
        bars=bars,
        beats_per_bar=beats,
        bpm=bpm,
        key=request.key,
        # with a duration the bars follow from it, and stay open
        resolved={"bars": None if request.duration is not None else bars, "free": True},
    )
    notes = (*plan.notes, *_lengths(plan, request), *why_free(session.pipeline, request.free))
    return replace(plan, notes=notes)


def _plan_score(session: Session, request: GenerateRequest, opened: Opened) -> Plan:
    """A plan with a score; tempo, metre, key and length are its own."""
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan
    from riffkit.score.stems import chosen, stems_of

    score, notes = _score(session, request, opened)
    facts, stems = score.facts, stems_of(score)
    apart = chosen(stems, solo=request.solo, mute=request.mute) if request.plays_apart else ()
    bars = facts.n_beats // facts.beats_per_bar
    plan = make_plan(
        session,
        request,
        [Asked(words, request.negative_prompt) for words in _words(request, apart)],
        bars=bars,
        beats_per_bar=facts.beats_per_bar,
        bpm=facts.bpm,
        key=None if facts.key is None else f"{facts.key} {facts.mode}",
        decided_by=request.prompt,
        owner="score",
        resolved={
            "bars": bars if request.duration is None else None,
            "free": False,
            "melody_strength": _freedom(session, request),
        },
    )
    read = tuple((name, prompt) for name, prompt in plan.read if name != "prompt")
    return replace(
        plan,
        score=score,
        apart=apart,
        read=(("prompt", session.read(request.prompt)), *read),
        notes=(*notes, *plan.notes, *_lengths(plan, request, opened.get("melody"))),
    )


def _words(request: GenerateRequest, apart: Sequence[Stem]) -> list[str]:
    return [stem.words for stem in apart] or [request.prompt]


def _score(
    session: Session, request: GenerateRequest, opened: Opened
) -> tuple[Score, tuple[str, ...]]:
    """The score, and notes for the user; of a replay that which was recorded."""
    from riffkit.music.durations import bars_for, tempo_and_metre
    from riffkit.music.scoring import score_for
    from riffkit.music.understanding import without
    from riffkit.score.notes import Score
    from riffkit.score.spans import in_bars

    if session.recorded is not None and session.recorded.score is not None:
        return Score.from_dict(session.recorded.score), ()
    own, read = opened.get("score"), session.read(request.prompt)
    if own is None:
        read = without(read, session.read(request.negative_prompt))
    brought = {name: opened[name] for name in ("melody", "drums") if name in opened}
    asked = request
    if request.duration is not None:
        bpm, beats = tempo_and_metre(read, asked, session.pipeline.traits, own=own, brought=brought)
        bars = bars_for(request.duration, bpm, beats, loop=request.loop)
        asked = replace(asked, bpm=bpm, beats_per_bar=beats, duration=None, bars=bars)
    score, notes = score_for(
        read,
        asked,
        session.pipeline.traits,
        own=own,
        brought=brought,
        tracks=request.track,
        replaced=request.replace,
        bars=USUAL_BARS,
    )
    if own is not None and asked.bars is not None:
        score = in_bars(score, asked.bars)
        if not any(track.notes for track in score.tracks):
            raise ParameterError(f"score: its first {asked.bars} bars are silent; give more `bars`")
    return score, notes


def _lengths(plan: Plan, request: GenerateRequest, melody: Brought | None = None) -> Iterator[str]:
    """Notes on a length that isn't the one that was given."""
    if request.loop and request.duration is not None:
        yield f"duration: rounded to {plan.grid.seconds:.2f} s, because a loop has whole bars"
    is_open = request.bars is None and request.duration is None
    if melody is not None and is_open and melody.bars > plan.bars:
        minutes, seconds = divmod(round(melody.bars * plan.grid.seconds / plan.bars), 60)
        length = f"{melody.bars} bars ({minutes}:{seconds:02d})"
        name = melody.identity["name"]
        yield f"{name}: {length}; the first {plan.bars} are followed (more with `bars`)"


def _paint(
    session: Session, plan: Plan, request: GenerateRequest, opened: Opened
) -> Sequence[Painted]:
    from riffkit.music.finish import Ending, Painted

    params, span = session.pipeline.params, None
    if request.duration is not None and not request.loop:
        span = (0, round(request.duration * params.sample_rate))
    return [
        Painted(
            _image(session, plan, request),
            seed=request.seed,
            loop=request.loop,
            ending=Ending(span=span, faded=not request.loop),
            measure=lambda sound: _remarks(plan, opened, sound, params.sample_rate),
        )
    ]


def _image(session: Session, plan: Plan, request: GenerateRequest) -> SpectrogramImage | Band:
    from riffkit.music.finish import Band
    from riffkit.music.guiding import paint_apart, paint_guided
    from riffkit.spectrogram.image import SpectrogramImage

    canvas, seed = session.canvas(plan, loop=request.loop), request.seed
    freedom = _freedom(session, request)
    if plan.score is not None and plan.apart:
        pictures = paint_apart(session, plan, canvas, seed=seed, freedom=freedom)
        heard = replace(plan.score, tracks=tuple(stem.track for stem in plan.apart))
        names = [stem.name for stem in plan.apart]
        return Band(names, pictures, heard, ducked_by=plan.score.tracks)
    if plan.score is not None:
        whole = [("", plan.score.tracks)]
        (pixels,) = paint_guided(session, plan, canvas, whole, seed=seed, freedom=freedom)
    else:
        pixels = session.picture(plan, canvas, seed=seed)
    params = session.pipeline.params
    return SpectrogramImage(pixels, params, grid=plan.grid, transpose=plan.transpose)


def _freedom(session: Session, request: GenerateRequest) -> float:
    from riffkit.music.guiding import usual_freedom

    asked = request.melody_strength
    return usual_freedom(session.pipeline) if asked is None else asked


def _remarks(plan: Plan, opened: Opened, sound: Tensor, sample_rate: int) -> tuple[str, ...]:
    """How much of the melody is heard."""
    from riffkit.music.melody import similarity

    if "melody" not in opened:
        return ()
    melody, beats = opened["melody"], plan.beats_per_bar
    match = similarity(sound, sample_rate, melody, plan.grid, beats_per_bar=beats)
    return (f"melody: pitch-class match {match:.2f} (1 is best, 0 is none)",)


def _title(request: GenerateRequest, inputs: Any) -> str:
    return request.prompt


GENERATE = Task(
    "generate",
    "Make music from a prompt: an audio file and its PNG.",
    GenerateRequest,
    _plan,
    _paint,
    _title,
    example='riff.generate("lo-fi piano, rainy", bars=4, bpm=84, seed=7)',
    inputs=(SCORE, MELODY, DRUMS),
    check=_check,
    from_list="prompts",
    instead={"bars": "duration", "duration": "bars"},
)
