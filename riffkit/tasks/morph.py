"""Morph: from one prompt or clip to another in even steps, painted as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.errors import ParameterError
from riffkit.kinds import ends_as_a_file
from riffkit.music.fields import option
from riffkit.music.inputs import clip_input
from riffkit.music.request import BARS, STRENGTH, PaintRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.emphasis import check_prompt

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session
    from riffkit.music.source import Source

MAX_FRAMES = 64


@dataclass(frozen=True)
class MorphRequest(PaintRequest):
    """`frames` clips of `bars` bars from one end to the other; an end is a prompt or a clip.

    Between clips, `strength` is how much is regenerated at the midpoint. `last_seed` is the seed of
    the last end, if it differs; the noise is then interpolated along with the prompt.
    """

    first: str = option("Start: a prompt, or an audio file.", positional=True, metavar="FROM")
    last: str = option("End: a prompt, or an audio file.", positional=True, metavar="TO")
    frames: int = option("Steps from start to end.", 8, least=2, most=MAX_FRAMES)
    bars: int = option("Bars per step.", 2, **BARS)
    strength: float = option(
        "For clips: how much is regenerated at the midpoint, 0 to 1.", 0.7, **STRENGTH
    )
    last_seed: int | None = option("Seed of the end. Default: the same.", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.first)
        check_prompt(self.last)

    @property
    def leading_prompt(self) -> str:
        return "" if ends_as_a_file(self.first) else self.first

    @property
    def seeds(self) -> tuple[int, int]:
        return self.seed, self.seed if self.last_seed is None else self.last_seed


def _ends(request: MorphRequest, opened: Opened) -> tuple[Source | None, Source | None]:
    """The clips' bars that a morph starts and ends with."""
    return (
        _cut(opened.get("first"), request.bars, at_end=True),
        _cut(opened.get("last"), request.bars, at_end=False),
    )


def _cut(source: Source | None, bars: int, *, at_end: bool) -> Source | None:
    from riffkit.music.source import with_bars

    if source is None:
        return None
    if source.bars < bars:
        raise ParameterError(
            f"bars={bars}: {source.identity['name']!r} has only {source.bars}; "
            "use fewer bars or a longer clip"
        )
    # padding silence in the first and last bars is not a good starting point
    spare = int(not source.loop and source.bars > bars + 1)
    begin = source.bars - bars - spare if at_end else spare
    return with_bars(source, begin, begin + bars)


def _plan(session: Session, request: MorphRequest, opened: Opened) -> Plan:
    """Tempo, metre and key: as requested, else the first clip's, else the first prompt's."""
    from riffkit.music.plan import Asked
    from riffkit.music.planning import make_plan

    first, last = _ends(request, opened)
    clip = first or last
    bpm, key, transpose, decided_by = request.bpm, request.key, None, request.first
    beats = request.beats_per_bar
    if clip is not None:
        bpm, beats = clip.grid.bpm if bpm is None else bpm, clip.beats_per_bar
        key = clip.key_name if key is None else key
        transpose = clip.image.transpose
        decided_by = ""
    return make_plan(
        session,
        request,
        [
            Asked("" if first else request.first, request.negative_prompt, "first"),
            Asked("" if last else request.last, request.negative_prompt, "last"),
        ],
        bars=request.bars,
        beats_per_bar=beats,
        bpm=bpm,
        key=key,
        transpose=transpose,
        decided_by=decided_by,
        owner="first prompt" if clip is None else "clip",
    )


def _paint(
    session: Session, plan: Plan, request: MorphRequest, opened: Opened
) -> Sequence[Painted]:
    """Paint all frames in order, as one batch.

    With prompts at both ends, the ends equal `generate` with `loop` in the same tempo and key.
    """
    import numpy as np

    from riffkit.music.finish import Ending, Painted
    from riffkit.music.morphing import Morphing
    from riffkit.spectrogram.beat_grid import BeatGrid
    from riffkit.spectrogram.image import SpectrogramImage

    ends = _ends(request, opened)
    way = Morphing(session, plan, ends, seeds=request.seeds, strength=request.strength)
    frames = way.frames(request.frames)
    image = SpectrogramImage(
        np.concatenate(frames, axis=1),
        session.pipeline.params,
        grid=BeatGrid(plan.grid.bpm, plan.grid.n_beats * request.frames),
        transpose=plan.transpose,
    )
    return [Painted(image, seed=request.seed, ending=Ending())]


def _title(request: MorphRequest, inputs: Mapping[str, Any]) -> str:
    return f"{Path(request.first).stem} to {Path(request.last).stem}"


MORPH = Task(
    "morph",
    "Morph from one prompt or clip to another in even steps.",
    MorphRequest,
    _plan,
    _paint,
    _title,
    example='riff.morph("lo-fi piano", "techno", frames=4)',
    inputs=(
        clip_input("first", "A prompt, or an audio file.", or_prompt=True),
        clip_input("last", "A prompt, or an audio file.", or_prompt=True),
    ),
)
