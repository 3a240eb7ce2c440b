"""Edit: regenerates part of a clip and keeps the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.limits import OnOff
from riffkit.music.fields import option
from riffkit.music.inputs import CLIP, MASK
from riffkit.music.request import STRENGTH, PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_emphasis

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session


@dataclass(frozen=True)
class EditRequest(PaintRequest):
    """The part is a `time` span, a `freq` band, both (where they meet), or a mask."""

    prompt: str = option("What the part should become, in words.", "", positional=True)
    time: tuple[float, float] | None = option(
        "Regenerate from A to B seconds.", None, metavar="A:B"
    )
    freq: tuple[float, float] | None = option(
        "Regenerate from LO to HI hertz.", None, metavar="LO:HI"
    )
    keep_melody: bool = option("Keep the strongest partials.", False)
    keep_level: OnOff = option(  # noqa: RUF009
        "Bring the new part to the level of what is around it.", "on"
    )
    strength: float = option("0 keeps the part, 1 ignores it.", 1.0, **STRENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_emphasis(self.prompt)
        for name, span in (("time", self.time), ("freq", self.freq)):
            if span is not None and not 0 <= span[0] < span[1]:
                raise ParameterError(
                    f"{name}={span[0]:g}:{span[1]:g}: must be start:end with 0 ≤ start < end"
                )


def _plan(session: Session, request: EditRequest, opened: Opened) -> Plan:
    from riffkit.music.planning import plan_for_source

    return plan_for_source(session, request, opened["clip"], request.prompt)


def _paint(session: Session, plan: Plan, request: EditRequest, opened: Opened) -> Sequence[Painted]:
    """Everything outside the mask is kept, as pixels and as sound."""
    from riffkit.diffusion.denoise import Inpainting
    from riffkit.music.finish import Ending, Painted
    from riffkit.music.mask import mask_of, mask_to_cells
    from riffkit.music.source import spliced
    from riffkit.music.surroundings import brought_to_level, merged
    from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT
    from riffkit.vocoder.decode import KnownPart

    source, painted = opened["clip"], opened.get("mask")
    if painted is None:
        mask = mask_of(
            source, time=request.time, freq=request.freq, keep_melody=request.keep_melody
        )
    else:
        mask = painted.levels
    if not mask.any():
        raise ParameterError(
            "edit: the selection is empty; choose another `time`, `freq` or `mask`"
        )
    canvas = session.canvas(plan, loop=source.loop)
    inpainting = Inpainting(
        latents=source.latents(session.pipeline),
        mask=request.strength * mask_to_cells(mask, session.pipeline.stride),
    )
    new = session.picture(plan, canvas, seed=request.seed, inpainting=inpainting)
    kept = mask <= 0
    if request.keep_level == "on":
        bar = source.beats_per_bar * PIXELS_PER_BEAT
        image = brought_to_level(
            source.image,
            new,
            mask,
            source.padded,
            bar=bar,
            loop=source.loop,
            quality=request.quality,
        )
    else:
        image = merged(source.image, new, mask)
    return [
        Painted(
            image,
            seed=request.seed,
            loop=source.loop,
            known=KnownPart(source.padded, kept),
            join=lambda whole: spliced(whole, source, kept),
            ending=Ending.of_own_level(source.waveform),
        )
    ]


def _title(request: EditRequest, inputs: Mapping[str, Any]) -> str:
    return f"{Path(inputs['clip']).stem} edit"


def _check(request: EditRequest, inputs: Mapping[str, Any]) -> None:
    selects = bool(request.time or request.freq or request.keep_melody)
    if "mask" in inputs and selects:
        raise ParameterError("mask: can't be combined with `time`, `freq` or `keep_melody`")
    if "mask" not in inputs and not selects:
        raise ParameterError(
            "edit: no part is chosen; set `time`, `freq`, `keep_melody` or `mask`; restyle changes "
            "the whole clip"
        )


EDIT = Task(
    "edit",
    "Regenerate part of a clip and keep the rest.",
    EditRequest,
    _plan,
    _paint,
    _title,
    example='riff.edit("song.wav", "distorted guitar", time=(4, 8))',
    inputs=(CLIP, MASK),
    check=_check,
)
