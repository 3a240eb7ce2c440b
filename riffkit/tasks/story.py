"""Story: long music from keyframes, painted as one latent image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.limits import check_guidance
from riffkit.music.fields import option
from riffkit.music.inputs import THEME, script_input
from riffkit.music.request import BARS, MusicRequest
from riffkit.music.task import Opened, Task
from riffkit.music.timeline import EASINGS, Keyframe, Timeline
from riffkit.prompt.emphasis import check_emphasis, check_prompt

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session
    from riffkit.music.theme import Theme
    from riffkit.score.notes import Score


@dataclass(frozen=True)
class StoryRequest(MusicRequest):
    """A piece of `bars` bars. With `loop`, its end leads into its beginning.

    The noise repeats every `phrase_bars` bars, so the music keeps its shape while prompts and seeds
    change it. A longer phrase gives more variety.
    """

    keyframes: tuple[Keyframe, ...] = option("Prompts by bar.", in_files_only=True)
    bars: int = option("Length in bars.", **BARS)
    loop: bool = option("Make the end lead back into the beginning.", False)
    phrase_bars: int = option("Bars after which the noise repeats.", 2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.keyframes:
            raise ParameterError("keyframes: none given; at least one with a prompt is needed")
        if self.bars == 1 and self.phrase_bars == 2:  # the default doesn't fit
            object.__setattr__(self, "phrase_bars", 1)
        if not 1 <= self.phrase_bars <= self.bars:
            raise ParameterError(
                f"phrase_bars={self.phrase_bars}: must be between 1 and {self.bars}"
            )
        for frame in self.keyframes:
            check_prompt(frame.prompt)
            check_emphasis(frame.negative_prompt)
            if not 0 <= frame.strength <= 1:
                raise ParameterError(f"strength={frame.strength:g}: must be between 0 and 1")
            if frame.guidance is not None:
                check_guidance(frame.guidance)
            if frame.easing not in EASINGS:
                raise ParameterError(f"easing={frame.easing!r}: must be {', '.join(EASINGS)}")
        _ = self.timeline

    @property
    def leading_prompt(self) -> str:
        return self.keyframes[0].prompt

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.keyframes, self.bars, closed=self.loop)


def plan_story(session: Session, request: StoryRequest, opened: Opened) -> Plan:
    """Tempo, metre and key are the request's, else the theme's, else the first keyframe's; with a
    score they are its own.
    """
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan
    from riffkit.music.scoring import why_free

    theme = opened.get("theme")
    guidance = request.guidance
    if guidance is None and any(f.guidance not in (None, 1) for f in request.keyframes):
        # where one keyframe is guided, all are painted by the network that can be
        guidance = session.pipeline.traits.default_guidance
    elif guidance is None and all(f.guidance == 1 for f in request.keyframes):
        guidance = 1.0  # a negative prompt would set another
    asked = [
        Asked(
            frame.prompt,
            frame.negative_prompt or request.negative_prompt,
            f"bar {frame.bar:g}",
            f"bar {frame.bar:g} negative_prompt" if frame.negative_prompt else "negative_prompt",
        )
        for frame in request.keyframes
    ]
    bpm, key, beats, transpose = request.bpm, request.key, request.beats_per_bar, None
    if theme is not None:
        bpm, beats = theme.bpm if bpm is None else bpm, theme.beats_per_bar
        key = theme.key_name if key is None else key
        transpose = theme.transpose
    score = _score(session, request, theme)
    if score is not None:
        bpm, beats = score.facts.bpm, score.facts.beats_per_bar
        key = key if score.facts.key is None else f"{score.facts.key} {score.facts.mode}"
    plan = make_plan(
        session,
        request,
        asked,
        bars=request.bars,
        beats_per_bar=beats,
        bpm=bpm,
        key=key,
        guidance=guidance,
        transpose=transpose,
        owner="first prompt" if theme is None else "theme",
        resolved={"bars": request.bars, "free": score is None},
    )
    free = () if score is not None else why_free(session.pipeline, request.free)
    return replace(plan, score=score, notes=(*plan.notes, *free))


def _score(session: Session, request: StoryRequest, theme: Theme | None) -> Score | None:
    """The score that is painted after, if there is one; of a replay that which was recorded."""
    from riffkit.music.scoring import composes
    from riffkit.music.story_score import story_score
    from riffkit.score.notes import Score

    if session.recorded is not None and session.recorded.score is not None:
        return Score.from_dict(session.recorded.score)
    prompts = [session.read(frame.prompt) for frame in request.keyframes]
    if not composes(session.pipeline, request.free, prompts):
        return None
    return story_score(session, request, request.timeline, theme)


def paint_story(
    session: Session, plan: Plan, request: StoryRequest, opened: Opened
) -> Sequence[Painted]:
    """The theme repeats, altered by the keyframes' strength."""
    import torch

    from riffkit.diffusion.denoise import Inpainting
    from riffkit.music.finish import Ending, Painted
    from riffkit.music.guiding import guide_of
    from riffkit.music.journey import phrase_noise, schedule_of, strengths
    from riffkit.spectrogram.image import SpectrogramImage

    canvas, timeline = session.canvas(plan, loop=request.loop), request.timeline
    guidance = plan.denoising.guidance
    conditionings = [
        conditioning.guided(guidance if frame.guidance is None else frame.guidance)
        for conditioning, frame in zip(session.conditionings(plan), request.keyframes, strict=True)
    ]
    inpainting, theme = None, opened.get("theme")
    if theme is not None:
        columns = torch.arange(canvas.n_columns) % theme.latents.shape[-1]
        mask = strengths(timeline, canvas)[None, None, None]
        inpainting = Inpainting(latents=theme.latents[..., columns], mask=mask)
    latents = session.paint(
        plan,
        canvas,
        [schedule_of(timeline, conditionings)],
        phrase_noise(timeline, canvas, seed=request.seed, phrase_bars=request.phrase_bars),
        inpainting=inpainting,
        guide=None if plan.score is None else guide_of(session, plan, canvas, plan.score),
        seed=request.seed,
    )
    image = SpectrogramImage(
        session.pixels(canvas, latents),
        session.pipeline.params,
        grid=plan.grid,
        transpose=plan.transpose,
    )
    return [
        Painted(image, seed=request.seed, loop=request.loop, ending=Ending(faded=not request.loop))
    ]


def _script(path: Path) -> Mapping[str, Any]:
    from riffkit.music.script import read_script

    return read_script(path)


def _title(request: StoryRequest, inputs: Mapping[str, Any]) -> str:
    return Path(inputs["script"]).stem if "script" in inputs else request.keyframes[0].prompt


STORY = Task(
    "story",
    "Make minutes of music from a script of keyframes.",
    StoryRequest,
    plan_story,
    paint_story,
    _title,
    example='riff.story("story.toml", seed=7)',
    inputs=(
        script_input("TOML file of keyframes, as in docs/loops-and-journeys.md.", _script),
        THEME,
    ),
)
