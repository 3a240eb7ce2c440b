"""Restyle: image to image on a whole clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.music.fields import option
from riffkit.music.inputs import CLIP
from riffkit.music.request import STRENGTH, PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_prompt

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session


@dataclass(frozen=True)
class RestyleRequest(PaintRequest):
    """With `strength` 0, the result is the clip's image decoded by the vocoder."""

    prompt: str = option("The music in words: 'lo-fi piano, rainy'.", positional=True)
    strength: float = option("0 keeps the clip, 1 ignores it.", 0.5, **STRENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)


def _plan(session: Session, request: RestyleRequest, opened: Opened) -> Plan:
    from riffkit.music.planning import plan_for_source

    return plan_for_source(session, request, opened["clip"], request.prompt)


def _paint(
    session: Session, plan: Plan, request: RestyleRequest, opened: Opened
) -> Sequence[Painted]:
    import torch

    from riffkit.diffusion.denoise import Inpainting
    from riffkit.music.finish import Painted

    source = opened["clip"]
    image = source.image
    if request.strength > 0:
        canvas = session.canvas(plan, loop=source.loop)
        inpainting = Inpainting(
            latents=source.latents(session.pipeline), mask=torch.ones(1, 1, 1, 1)
        )
        pixels = session.picture(
            plan, canvas, seed=request.seed, inpainting=inpainting, strength=request.strength
        )
        image = replace(image, pixels=pixels)
    return [Painted(image, seed=request.seed, loop=source.loop, ending=source.ending)]


def _title(request: RestyleRequest, inputs: Mapping[str, Any]) -> str:
    return f"{Path(inputs['clip']).stem} {request.prompt}"


RESTYLE = Task(
    "restyle",
    "Restyle a clip or a whole song to match a prompt.",
    RestyleRequest,
    _plan,
    _paint,
    _title,
    example='riff.restyle("song.wav", "harpsichord", strength=0.6)',
    inputs=(CLIP,),
)
