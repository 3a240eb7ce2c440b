"""Import: the user's sound or image as a clip, with the image that a model edits of it.

Unlisted: it paints nothing. In a studio, what was brought is then played and edited like any clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from riffkit.limits import Loudness, Quality
from riffkit.music.fields import check_ranges, option
from riffkit.music.inputs import CLIP
from riffkit.music.request import PaintRequest, TaskRequest
from riffkit.music.task import Opened, Task
from riffkit.prompt.metre import FEWEST_BEATS, MOST_BEATS
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

if TYPE_CHECKING:
    from riffkit.music.finish import Ending, Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session
    from riffkit.music.source import Source


@dataclass(frozen=True, kw_only=True)
class ImportRequest(TaskRequest):
    """What is known of the sound; the rest is measured. A sound keeps its level, unless it is above
    full scale. An image without a level is played at −16 LUFS.
    """

    bpm: float | None = option("Tempo in BPM.", None, least=MIN_BPM, most=MAX_BPM)
    key: str | None = option("Key, such as 'A minor'.", None)
    beats_per_bar: int | None = option(
        "Quarter notes per bar.", None, least=FEWEST_BEATS, most=MOST_BEATS
    )
    vocoder: ClassVar[str] = "griffin-lim"
    quality: ClassVar[Quality] = "default"
    loudness: ClassVar[Loudness | None] = None

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.key is not None:
            from riffkit.prompt.key import parse_key

            parse_key(self.key)


def _open(session: Session, given: str | Path, request: ImportRequest, opened: Opened) -> Source:
    from riffkit.music.source import open_source

    known = PaintRequest(bpm=request.bpm, key=request.key, beats_per_bar=request.beats_per_bar)
    return open_source(session.pipeline, Path(given), known, recorded=session.recorded)


def _plan(session: Session, request: ImportRequest, opened: Opened) -> Plan:
    """The clip's own tempo, key and metre, which its recipe keeps."""
    from riffkit.diffusion.denoise import SamplerConfig
    from riffkit.music.plan import Plan

    source = opened["file"]
    return Plan(
        grid=source.grid,
        key=source.key,
        beats_per_bar=source.beats_per_bar,
        denoising=SamplerConfig(steps=1, guidance=1.0),
        transpose=source.image.transpose,
        texts=(),
        read=(),
        resolved={
            "bpm": source.grid.bpm,
            "key": source.key_name,
            "beats_per_bar": source.beats_per_bar,
        },
    )


def _paint(
    session: Session, plan: Plan, request: ImportRequest, opened: Opened
) -> Sequence[Painted]:
    """Its image begins with a bar, which may be before the sound does (`lead_samples`)."""
    from riffkit.music.finish import Painted

    source = opened["file"]
    return [
        Painted(
            source.image, seed=0, loop=source.loop, sound=source.waveform, ending=_ending(source)
        )
    ]


def _ending(source: Source) -> Ending:
    from riffkit.music.codec import has_level
    from riffkit.music.finish import Ending

    if source.drawn and not has_level(source.image, source.waveform):
        return Ending(faded=False)
    return Ending.of_own_level(source.waveform)


def _title(request: ImportRequest, inputs: Mapping[str, Any]) -> str:
    return Path(inputs["file"]).stem


IMPORT = Task(
    "import",
    "Take a sound or a spectrogram image into the library as a clip.",
    ImportRequest,
    _plan,
    _paint,
    _title,
    inputs=(
        replace(
            CLIP, name="file", help="WAV, FLAC, OGG or MP3 file, or a spectrogram PNG.", open=_open
        ),
    ),
    unlisted=True,
)
