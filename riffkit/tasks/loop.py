"""Loop: a circular story with evenly spaced keyframes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.music.fields import option
from riffkit.music.inputs import THEME
from riffkit.music.request import BARS, STRENGTH, MusicRequest
from riffkit.music.task import Opened, Task
from riffkit.music.timeline import Keyframe
from riffkit.prompt.emphasis import check_prompt
from riffkit.tasks import story

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session

BARS_PER_PROMPT = 4


@dataclass(frozen=True)
class LoopRequest(MusicRequest):
    """Each prompt gets an equal share of the bars."""

    prompts: tuple[str, ...] = option(
        "One or more prompts. The last leads back to the first.", positional=True
    )
    bars: int | None = option("Length in bars. Default: 4 per prompt.", None, **BARS)
    strength: float = option("0 repeats the theme, 1 ignores it.", 0.75, **STRENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompts:
            raise ParameterError("prompts: none given; at least one is needed")
        for prompt in self.prompts:
            check_prompt(prompt)
        if self.bars is not None and self.bars < len(self.prompts):
            raise ParameterError(
                f"bars={self.bars}: must be at least {len(self.prompts)}, one per prompt"
            )

    @property
    def leading_prompt(self) -> str:
        return self.prompts[0]

    def as_story(self) -> story.StoryRequest:
        """The request as a story with keyframes."""
        bars = self.bars or BARS_PER_PROMPT * len(self.prompts)
        frames = tuple(
            Keyframe(k * bars / len(self.prompts), prompt, strength=self.strength)
            for k, prompt in enumerate(self.prompts)
        )
        shared = {field.name: getattr(self, field.name) for field in fields(MusicRequest)}
        return story.StoryRequest(
            keyframes=frames, bars=bars, loop=True, phrase_bars=min(2, bars), **shared
        )


def _plan(session: Session, request: LoopRequest, opened: Opened) -> Plan:
    return story.plan_story(session, request.as_story(), opened)


def _paint(session: Session, plan: Plan, request: LoopRequest, opened: Opened) -> Sequence[Painted]:
    return story.paint_story(session, plan, request.as_story(), opened)


def _title(request: LoopRequest, inputs: Mapping[str, Any]) -> str:
    return request.prompts[0]


LOOP = Task(
    "loop",
    "Make a seamless loop that travels through prompts and back.",
    LoopRequest,
    _plan,
    _paint,
    _title,
    example='riff.loop(["lo-fi piano", "jazz trio"], bars=8)',
    inputs=(THEME,),
)
