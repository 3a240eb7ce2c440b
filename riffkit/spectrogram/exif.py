"""The EXIF tags that carry the parameters: riffusion's own ids, and riffkit's from BPM on.

Integers are written as SHORT and floats as DOUBLE, in the first directory of a big-endian TIFF
block, which is what the original reads. Reading takes any number type and ignores the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from math import isfinite
from typing import Any

from PIL.Image import Exif

from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM, PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.params import (
    LATER_FIELDS,
    MAX_TRANSPOSE,
    PRESETS,
    RIFFUSION_V1,
    Planes,
    SpectrogramParams,
)


class Tag(IntEnum):
    SAMPLE_RATE = 11000
    STEREO = 11005
    STEP_SIZE_MS = 11010
    WINDOW_DURATION_MS = 11020
    PADDED_DURATION_MS = 11030
    NUM_FREQUENCIES = 11040
    MIN_FREQUENCY = 11050
    MAX_FREQUENCY = 11060
    POWER_FOR_IMAGE = 11070
    MAX_VALUE = 11080
    BPM = 11090
    BEATS = 11100
    PLANES = 11110
    TRANSPOSE = 11120
    MEL_BREAK_HZ = 11130
    TIME_BANDWIDTH = 11140
    SHORTEST_WINDOW_MS = 11150


_FIELD_OF_TAG = {
    Tag.SAMPLE_RATE: "sample_rate",
    Tag.STEP_SIZE_MS: "hop_ms",
    Tag.WINDOW_DURATION_MS: "window_ms",
    Tag.PADDED_DURATION_MS: "padded_ms",
    Tag.NUM_FREQUENCIES: "n_mels",
    Tag.MIN_FREQUENCY: "min_hz",
    Tag.MAX_FREQUENCY: "max_hz",
    Tag.POWER_FOR_IMAGE: "power_for_image",
}
# Written only if they differ from the defaults.
_LATER_FIELD_OF_TAG = {
    Tag.MEL_BREAK_HZ: "mel_break_hz",
    Tag.TIME_BANDWIDTH: "time_bandwidth",
    Tag.SHORTEST_WINDOW_MS: "shortest_window_ms",
}
_ALWAYS_DOUBLE = {*_LATER_FIELD_OF_TAG, Tag.POWER_FOR_IMAGE, Tag.MAX_VALUE, Tag.BPM, Tag.TRANSPOSE}
_MUST_BE_WHOLE = {Tag.SAMPLE_RATE, Tag.STEREO, Tag.NUM_FREQUENCIES, Tag.BEATS, Tag.PLANES}
_RANGES: dict[Tag, tuple[float, float]] = {
    Tag.STEREO: (0, 1),
    Tag.MIN_FREQUENCY: (0, float("inf")),
    Tag.PLANES: (min(Planes), max(Planes)),
    Tag.BPM: (MIN_BPM, MAX_BPM),
    Tag.TRANSPOSE: (-MAX_TRANSPOSE, MAX_TRANSPOSE),
}
_ABOVE_ZERO = (5e-324, float("inf"))


def params_to_tags(
    params: SpectrogramParams, *, max_value: float | None, grid: BeatGrid | None, transpose: float
) -> dict[Tag, int | float]:
    """The tags to write, integers as int and others as float."""
    values: dict[Tag, float] = {tag: getattr(params, field) for tag, field in _FIELD_OF_TAG.items()}
    for tag, field in _LATER_FIELD_OF_TAG.items():
        if getattr(params, field) != getattr(RIFFUSION_V1, field):
            values[tag] = getattr(params, field)
    # The original reads red alone where STEREO is 0: right for mono, and left of left, right, mid.
    values[Tag.STEREO] = params.planes is Planes.RIFFUSION_STEREO
    values[Tag.PLANES] = params.planes
    if max_value is not None:
        values[Tag.MAX_VALUE] = max_value
    if grid is not None:
        values[Tag.BPM] = grid.bpm
        values[Tag.BEATS] = grid.n_beats
        # What a reader that knows no beats needs to play it at the right tempo.
        values[Tag.STEP_SIZE_MS] = 60_000 / (grid.bpm * PIXELS_PER_BEAT)
    if transpose:
        values[Tag.TRANSPOSE] = transpose
    return {
        tag: float(value) if tag in _ALWAYS_DOUBLE or value % 1 else int(value)
        for tag, value in sorted(values.items())
    }


def tags_to_bytes(tags: Mapping[Tag, int | float]) -> bytes:
    """The TIFF block of a PNG's eXIf chunk."""
    exif = Exif()
    for tag, value in tags.items():
        exif[int(tag)] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")


def exif_to_tags(exif: Mapping[int, Any]) -> dict[Tag, float]:
    """Our tags with a usable number; foreign and unusable ones are omitted."""
    tags = {}
    for tag in Tag:
        number = _to_number(exif.get(tag))
        low, high = _RANGES.get(tag, _ABOVE_ZERO)
        if number is None or not low <= number <= high or (tag in _MUST_BE_WHOLE and number % 1):
            continue
        tags[tag] = number
    return tags


def _to_number(value: Any) -> float | None:
    """A number from any EXIF type that can hold one: a rational, text, a tuple of one value."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if isfinite(number) else None


@dataclass(frozen=True)
class ReadParams:
    """Parameters read from a file's tags, and the names of the missing ones."""

    params: SpectrogramParams
    max_value: float | None
    assumed: tuple[str, ...]


def tags_to_params(tags: Mapping[Tag, float], base: SpectrogramParams) -> ReadParams:
    """The tags' values; missing ones are from `base`.

    On the beat grid STEP_SIZE_MS follows from the tempo, so hop_ms is `base`'s own.
    Raises ParameterError if the values contradict each other.
    """
    values: dict[str, Any] = {}
    assumed = []
    for tag, field in _FIELD_OF_TAG.items():
        if tag is Tag.STEP_SIZE_MS and Tag.BPM in tags:
            continue
        if tag in tags:
            values[field] = int(tags[tag]) if tag in _MUST_BE_WHOLE else tags[tag]
        else:
            assumed.append(field)
    for tag, field in _LATER_FIELD_OF_TAG.items():
        if tag in tags:
            values[field] = tags[tag]
    if Tag.PLANES in tags:
        values["planes"] = Planes(int(tags[Tag.PLANES]))
    elif Tag.STEREO in tags:
        values["planes"] = Planes.RIFFUSION_STEREO if tags[Tag.STEREO] else Planes.MONO
    else:
        assumed.append("planes")
    max_value = tags.get(Tag.MAX_VALUE)
    if max_value is None:
        assumed.append("max_value")
    return ReadParams(_named(replace(base, **values)), max_value, tuple(assumed))


def before_later_tags(params: SpectrogramParams, tags: Mapping[Tag, float]) -> SpectrogramParams:
    """`params` for a file that has a window's tag: what its later tags don't say is as of old."""
    if Tag.WINDOW_DURATION_MS not in tags:
        return params
    return replace(params, **{field: getattr(RIFFUSION_V1, field) for field in LATER_FIELDS})


def _named(params: SpectrogramParams) -> SpectrogramParams:
    """With the name of the preset that the values are those of, in any plane layout."""
    for preset in (PRESETS.get(params.preset), *PRESETS.values()):
        if preset and replace(params, preset=preset.preset, planes=preset.planes) == preset:
            return replace(params, preset=preset.preset)
    return replace(params, preset="custom") if params.preset in PRESETS else params
