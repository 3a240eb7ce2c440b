"""Interpolate: the music at one place between two prompts, as Riffusion's server paints it.

Unlisted: a program walks from one prompt to another by one call a step; `morph` makes such a way
in one call, in even steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.music.fields import option
from riffkit.music.inputs import MASK, THEME
from riffkit.music.request import BARS, STRENGTH, PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_emphasis, check_prompt

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session

_USUAL_BARS = 2


@dataclass(frozen=True)
class InterpolateRequest(PaintRequest):
    """The texts are interpolated linearly, the noises of the seeds on the sphere. A theme is
    painted over, image to image.
    """

    first: str = option("Start: a prompt.", positional=True)
    last: str = option("End: a prompt.", positional=True)
    alpha: float = option("The place between them: 0 is the start, 1 the end.", 0.0, **STRENGTH)
    last_seed: int | None = option("Seed of the end. Default: the same.", None)
    last_negative_prompt: str = option("What to avoid at the end.", "")
    strength: float = option("0 repeats the theme, 1 ignores it.", 0.75, **STRENGTH)
    bars: int | None = option("Length in bars. Default: the theme's, else 2.", None, **BARS)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.first)
        check_prompt(self.last)
        check_emphasis(self.last_negative_prompt)

    @property
    def leading_prompt(self) -> str:
        return self.first

    @property
    def seeds(self) -> tuple[int, int]:
        return self.seed, self.seed if self.last_seed is None else self.last_seed


def _plan(session: Session, request: InterpolateRequest, opened: Opened) -> Plan:
    """Tempo, metre and key: the request's, else the theme's, else the first prompt's."""
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan
    from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT

    theme, bars = opened.get("theme"), request.bars
    bpm, key, beats, transpose = request.bpm, request.key, request.beats_per_bar, None
    if theme is not None:
        bpm, beats = theme.bpm if bpm is None else bpm, theme.beats_per_bar
        key = theme.key_name if key is None else key
        transpose = theme.transpose
        n_frames = theme.latents.shape[-1] * session.pipeline.stride
        bars = bars or n_frames // (beats * PIXELS_PER_BEAT)
    bars = bars or _USUAL_BARS
    return make_plan(
        session,
        request,
        [
            Asked(request.first, request.negative_prompt, "first"),
            Asked(request.last, request.last_negative_prompt, "last", "last_negative_prompt"),
        ],
        bars=bars,
        beats_per_bar=beats,
        bpm=bpm,
        key=key,
        transpose=transpose,
        owner="first prompt" if theme is None else "theme",
        resolved={"bars": bars},
    )


def _paint(
    session: Session, plan: Plan, request: InterpolateRequest, opened: Opened
) -> Sequence[Painted]:
    """A loop, so that one step plays on into the next."""
    import torch

    from riffkit.diffusion.denoise import Inpainting
    from riffkit.diffusion.latents import slerp
    from riffkit.music.finish import Ending, Painted
    from riffkit.spectrogram.image import SpectrogramImage

    canvas = session.canvas(plan, loop=True)
    one, other = session.conditionings(plan)
    between = one.lerp(other, request.alpha)
    near, far = (session.noise(canvas, seed) for seed in request.seeds)
    inpainting, theme = None, opened.get("theme")
    if theme is not None:
        columns = torch.arange(canvas.n_columns) % theme.latents.shape[-1]
        mask = opened["mask"].cells(*near.shape[-2:]) if "mask" in opened else _everywhere()
        inpainting = Inpainting(latents=theme.latents[..., columns], mask=mask)
    if inpainting is not None and request.strength == 0:
        latents = canvas.cued(inpainting.latents)
    else:
        latents = session.paint(
            plan,
            canvas,
            [lambda bar: between],
            slerp(near, far, request.alpha),
            inpainting=inpainting,
            seed=request.seed,
            strength=1.0 if inpainting is None else request.strength,
        )
    image = SpectrogramImage(
        session.pixels(canvas, latents),
        session.pipeline.params,
        grid=plan.grid,
        transpose=plan.transpose,
    )
    return [Painted(image, seed=request.seed, loop=True, ending=Ending(faded=False))]


def _everywhere() -> Any:
    import torch

    return torch.ones(1, 1, 1, 1)


def _open_mask(session: Session, given: str | Path, request: Any, opened: Opened) -> Any:
    from riffkit.music.mask import read_scaled_mask

    return read_scaled_mask(Path(given))


def _check(request: InterpolateRequest, inputs: Mapping[str, Any]) -> None:
    if "mask" in inputs and "theme" not in inputs:
        raise ParameterError("mask: is painted over a theme; add one")


def _title(request: InterpolateRequest, inputs: Mapping[str, Any]) -> str:
    return f"{request.first} to {request.last}"


INTERPOLATE = Task(
    "interpolate",
    "Make the music at one place between two prompts.",
    InterpolateRequest,
    _plan,
    _paint,
    _title,
    inputs=(
        THEME,
        replace(
            MASK,
            help="Image of any size, laid over the theme: white is regenerated, black kept.",
            open=_open_mask,
        ),
    ),
    check=_check,
    unlisted=True,
)
