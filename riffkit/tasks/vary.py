"""Vary: variations of a clip, one batch, each with its own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.music.fields import option
from riffkit.music.inputs import CLIP
from riffkit.music.request import PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_emphasis

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session

MAX_SIBLINGS = 64


@dataclass(frozen=True)
class VaryRequest(PaintRequest):
    """Without `prompt`, the one in the clip's recipe is used."""

    count: int = option("How many variations.", 4, least=1, most=MAX_SIBLINGS)
    distance: float = option("0 is the clip itself, 1 is unrelated.", 0.5)
    prompt: str | None = option("The music in words. Default: the clip's own prompt.", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.distance <= 1:
            raise ParameterError(f"distance={self.distance:g}: must be above 0 and at most 1")
        check_emphasis(self.prompt or "")


def _plan(session: Session, request: VaryRequest, opened: Opened) -> Plan:
    from riffkit.music.planning import plan_for_source

    source = opened["clip"]
    prompt = source.prompt if request.prompt is None else request.prompt
    return plan_for_source(session, request, source, prompt)


def _paint(session: Session, plan: Plan, request: VaryRequest, opened: Opened) -> Sequence[Painted]:
    """Paint variations of the clip's length as one batch."""
    import torch

    from riffkit.diffusion.denoise import Inpainting
    from riffkit.music.finish import Painted

    source = opened["clip"]
    canvas = session.canvas(plan, loop=source.loop)
    (asked,) = session.conditionings(plan)
    seeds = [request.seed + k for k in range(request.count)]
    inpainting = source.latents(session.pipeline).expand(request.count, -1, -1, -1)
    latents = session.paint(
        plan,
        canvas,
        [lambda bar: asked] * request.count,
        torch.cat([session.noise(canvas, seed) for seed in seeds]),
        inpainting=Inpainting(latents=inpainting, mask=torch.ones(1, 1, 1, 1)),
        seed=seeds,
        strength=request.distance,
    )
    return [
        Painted(
            replace(source.image, pixels=session.pixels(canvas, item)),
            seed=request.seed + k,
            loop=source.loop,
            ending=source.ending,
        )
        for k, item in enumerate(latents.split(1))
    ]


def _title(request: VaryRequest, inputs: Mapping[str, Any]) -> str:
    return f"{Path(inputs['clip']).stem} sibling"


VARY = Task(
    "vary",
    "Make variations of a clip, and a sheet of their images.",
    VaryRequest,
    _plan,
    _paint,
    _title,
    example='riff.vary("song.wav", count=4, distance=0.3)',
    inputs=(CLIP,),
    count="count",
)
