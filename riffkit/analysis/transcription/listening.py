"""Runs the transcriber on a sound: mel magnitudes to notes in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.transcription.axes import (
    DRUM_COLUMNS,
    LOWEST_PITCH,
    at_columns,
    n_columns,
    to_bands,
    to_bins,
    to_loudness,
)
from riffkit.analysis.transcription.network import DRUMS, Pitches, Strokes, Transcriber
from riffkit.analysis.transcription.notes import (
    DRUM_THRESHOLD,
    ONSET_THRESHOLD,
    HeardNote,
    HeardNotes,
    HeardStroke,
    note_lengths,
    onset_peaks,
)
from riffkit.spectrogram.params import SpectrogramParams

_SILENT_MEL = 300.0
"""On the int16 scale, some -100 dB below the loudest: no note is softer."""
_COLUMNS_AT_ONCE, _MARGIN = 2048, 16


@torch.no_grad()
def hear_notes(
    mel: Float[Tensor, "row frame"],
    params: SpectrogramParams,
    *,
    seconds: float,
    network: Transcriber,
) -> HeardNotes:
    """The notes of a clip that is circular in time.

    Args:
        mel: magnitudes of one channel on the int16 scale, lowest row first, 512 rows.
        params: those of the rows' frequencies.
        seconds: the clip's length.
        network: the transcriber.

    Returns:
        Notes and strokes by time; none of a silent clip.
    """
    if float(mel.max()) < _SILENT_MEL:
        return HeardNotes((), (), seconds)
    width = n_columns(seconds)
    power = mel.square()
    bins = to_bins(to_loudness(at_columns(power, width)), params)[None]
    bands = to_bands(to_loudness(at_columns(power, DRUM_COLUMNS * width)))[None]
    is_long = width > _COLUMNS_AT_ONCE
    pitches, strokes = _in_parts(network, bins, bands) if is_long else network(bins, bands)
    return decode(pitches, strokes, seconds)


def _in_parts(
    network: Transcriber,
    bins: Float[Tensor, "1 bin column"],
    bands: Float[Tensor, "1 band fine_column"],
) -> tuple[Pitches, Strokes]:
    """A long clip, so that memory is bounded; the parts overlap by what the layers look at."""
    width, parts = bins.shape[-1], []
    for start in range(0, width, _COLUMNS_AT_ONCE):
        end = min(width, start + _COLUMNS_AT_ONCE)
        parts.append(
            network(
                _with_margins(bins, start, end, 1), _with_margins(bands, start, end, DRUM_COLUMNS)
            )
        )
    pitches, strokes = zip(*parts, strict=True)
    return Pitches(*_joined(pitches)), Strokes(*_joined(strokes))


def _joined(parts: Sequence[Iterable[Tensor]]) -> Iterator[Tensor]:
    """What was said of the parts, without their margins."""
    for values in zip(*parts, strict=True):
        yield torch.cat([value[..., _MARGIN:-_MARGIN] for value in values], dim=-1)


def _with_margins(
    values: Float[Tensor, "1 row column"], start: int, end: int, scale: int
) -> Float[Tensor, "1 row part"]:
    columns = torch.arange(scale * (start - _MARGIN), scale * (end + _MARGIN))
    return values[..., columns % values.shape[-1]]


def decode(pitches: Pitches, strokes: Strokes, seconds: float) -> HeardNotes:
    """What the network said of one clip, as notes by time."""
    notes = sorted(decode_pitches(pitches, seconds), key=lambda note: (note.start, note.pitch))
    struck = sorted(decode_strokes(strokes, seconds), key=lambda hit: (hit.start, hit.drum))
    return HeardNotes(tuple(notes), tuple(struck), seconds)


def decode_pitches(heard: Pitches, seconds: float) -> list[HeardNote]:
    onset, frame, bass = (
        logits[0].float().sigmoid().numpy(force=True)
        for logits in (heard.onset, heard.frame, heard.bass)
    )
    velocity = heard.velocity[0].float().numpy(force=True)
    column_seconds = seconds / onset.shape[1]
    rows, columns, places = onset_peaks(onset, ONSET_THRESHOLD)
    lengths = note_lengths(frame, rows, columns)
    return [
        HeardNote(
            start=float(place * column_seconds % seconds),
            duration=float(min(length * column_seconds, seconds)),
            pitch=int(LOWEST_PITCH + row),
            velocity=_velocity(velocity[row, column]),
            bass=float(bass[row, column]),
        )
        for row, column, place, length in zip(rows, columns, places, lengths, strict=True)
    ]


def decode_strokes(heard: Strokes, seconds: float) -> list[HeardStroke]:
    drums = heard.drums[0].float().sigmoid().numpy(force=True)
    velocity = heard.velocity[0].float().numpy(force=True)
    column_seconds = seconds / drums.shape[1]
    return [
        HeardStroke(
            start=float(place * column_seconds % seconds),
            drum=DRUMS[row],
            velocity=_velocity(velocity[row, column]),
        )
        for row, column, place in zip(*onset_peaks(drums, DRUM_THRESHOLD), strict=True)
    ]


def _velocity(loudness: np.floating) -> int:
    return int(np.clip(round(127 * float(loudness)), 1, 127))
