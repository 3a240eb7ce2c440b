"""Generate: from a prompt and noise to a clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.limits import bpm_text
from riffkit.music.fields import option
from riffkit.music.inputs import MELODY
from riffkit.music.request import BARS, STRENGTH, PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_prompt
from riffkit.spectrogram.beat_grid import MAX_BARS

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.diffusion.denoise import Inpainting
    from riffkit.music.finish import Painted
    from riffkit.music.melody import Melody
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session

SONG_BARS = 8
"""How much of a recording is followed as a melody, unless a length is given."""
_MELODY_REACH = 4.0  # a quarter as dark as the darkest cell is melody too


@dataclass(frozen=True)
class GenerateRequest(PaintRequest):
    """The length is `bars` (2 by default) or `duration`.

    With `duration`, the music is made in whole bars and cut to length; a loop is rounded to whole
    bars instead. With `melody`, its tempo, metre, key and length are the defaults,
    but of a recording the first 8 bars at most.
    """

    prompt: str = option("The music in words: 'lo-fi piano, rainy'.", positional=True)
    bars: int | None = option("Length in bars.  [default: 2]", None, **BARS)
    duration: float | None = option("Length in seconds, instead of bars.", None)
    loop: bool = option("Make a seamless loop.", False)
    melody_strength: float = option("0 follows the melody, 1 ignores it.", 0.5, **STRENGTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)
        if self.bars is not None and self.duration is not None:
            raise ParameterError("bars and duration: can't be combined; remove one of them")
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ParameterError(f"duration={self.duration:g}: must be above 0 seconds")


def _plan(session: Session, request: GenerateRequest, opened: Opened) -> Plan:
    """Tempo, metre, length and key default to the melody's, if there is one."""
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan
    from riffkit.prompt.prompt import choose_bpm

    melody: Melody | None = opened.get("melody")
    bpm, key, bars, beats = request.bpm, request.key, request.bars, session.metre(request)
    if melody is not None:
        bpm, beats = melody.bpm if bpm is None else bpm, melody.beats_per_bar
        key = melody.key if key is None else key
        if bars is None and request.duration is None:
            bars = melody.bars if melody.is_score else min(melody.bars, SONG_BARS)
    bpm = choose_bpm(session.read(request.prompt), session.pipeline.traits, bpm=bpm)
    bars = bars or _bars_for(request, bpm, beats)
    plan = make_plan(
        session,
        request,
        [Asked(request.prompt, request.negative_prompt)],
        bars=bars,
        beats_per_bar=beats,
        bpm=bpm,
        key=key,
        owner="melody",
        # with a duration the bars follow from it, and stay open
        resolved={"bars": bars if request.duration is None else None},
    )
    return replace(plan, notes=(*plan.notes, *_lengths(plan, request, melody)))


def _lengths(plan: Plan, request: GenerateRequest, melody: Melody | None) -> Iterator[str]:
    """Notes on a length that isn't the one that was given."""
    if request.loop and request.duration is not None:
        yield f"duration: rounded to {plan.grid.seconds:.2f} s, because a loop has whole bars"
    is_open = request.bars is None and request.duration is None
    if melody is not None and is_open and melody.bars > plan.bars:
        yield melody.remark_of_length(plan.bars)


def _bars_for(request: GenerateRequest, bpm: float, beats_per_bar: int) -> int:
    if request.duration is None:
        return 2
    bars = request.duration * bpm / 60 / beats_per_bar
    whole = max(1, round(bars) if request.loop else math.ceil(bars - 1e-9))
    if whole > MAX_BARS:
        raise ParameterError(
            f"duration={request.duration:g}: needs {whole} bars at {bpm_text(bpm)} BPM; must be at "
            f"most {MAX_BARS}"
        )
    return whole


def _paint(
    session: Session, plan: Plan, request: GenerateRequest, opened: Opened
) -> Sequence[Painted]:
    from riffkit.music.finish import Ending, Painted
    from riffkit.spectrogram.image import SpectrogramImage

    params = session.pipeline.params
    canvas = session.canvas(plan, loop=request.loop)
    inpainting = _sung(session, plan, request, opened["melody"]) if "melody" in opened else None
    pixels = session.picture(plan, canvas, seed=request.seed, inpainting=inpainting)
    span = None
    if request.duration is not None and not request.loop:
        span = (0, round(request.duration * params.sample_rate))
    return [
        Painted(
            SpectrogramImage(pixels, params, grid=plan.grid, transpose=plan.transpose),
            seed=request.seed,
            loop=request.loop,
            ending=Ending(span=span, faded=not request.loop),
            measure=lambda sound: _remarks(plan, opened, sound, params.sample_rate),
        )
    ]


def _sung(session: Session, plan: Plan, request: GenerateRequest, melody: Melody) -> Inpainting:
    """The melody's image; `melody_strength` applies where it sounds, and the rest is free."""
    from riffkit.diffusion.denoise import Inpainting
    from riffkit.diffusion.latents import pixels_to_latents
    from riffkit.music.mask import mask_to_cells

    pipeline = session.pipeline
    image = melody.image(plan.grid, pipeline.params, transpose=plan.transpose)
    latents = pixels_to_latents(pipeline, image.pixels, circular=True)
    sounding = mask_to_cells(1 - image.pixels.mean(-1) / 255, pipeline.stride)
    sounding = (sounding / sounding.max().clamp(min=1e-6) * _MELODY_REACH).clamp(max=1)
    return Inpainting(latents=latents, mask=1 - (1 - request.melody_strength) * sounding)


def _remarks(plan: Plan, opened: Opened, sound: Tensor, sample_rate: int) -> tuple[str, ...]:
    """How much of the melody is heard."""
    from riffkit.music.melody import similarity

    if "melody" not in opened:
        return ()
    match = similarity(sound, sample_rate, opened["melody"], plan.grid)
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
    inputs=(MELODY,),
    from_list="prompts",
    instead={"bars": "duration", "duration": "bars"},
)
