"""Pitches by basic-pitch, a network that learned from recordings; it tells no drums.

The network and how notes are made of what it says: Bittner et al. 2022, arXiv:2203.09893. Its
weights are Spotify's (Apache-2.0), as the package basic-pitch 0.4.0 has them. Needs onnxruntime.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.analysis.transcription.notes import HeardNote, HeardNotes
from riffkit.audio.resampling import resample
from riffkit.errors import ModelError

WEIGHTS = Path(__file__).parent.parent.parent / "weights" / "basic_pitch" / "nmp.onnx"
_INPUT = "serving_default_input_2:0"
_OUTPUTS = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]
_SAMPLE_RATE, _HOP_SAMPLES = 22_050, 256
_WINDOW_SAMPLES, _WINDOW_FRAMES = 43_844, 172
_EDGE_FRAMES = 15  # at either end of a window, where it hears worst
_KEPT_FRAMES = _WINDOW_FRAMES - 2 * _EDGE_FRAMES - 1
_LOWEST_PITCH = 21
_ONSET_THRESHOLD, _FRAME_THRESHOLD = 0.5, 0.3
_SILENT_FRAMES = 11  # a note goes on over shorter gaps
_LEAST_FRAMES = 11

Posteriorgram = Float[np.ndarray, "frame pitch"]


def hear_pitches(mono: Float[Tensor, "1 sample"], sample_rate: int) -> HeardNotes:
    """The notes of a sound of at least one sample, best of a single line.

    ModelError where onnxruntime isn't installed, or the weights are missing or damaged.
    """
    seconds = mono.shape[-1] / sample_rate
    frames, onsets = _posteriorgrams(resample(mono, sample_rate, _SAMPLE_RATE)[0].numpy())
    found = [
        HeardNote(
            start=first * _HOP_SAMPLES / _SAMPLE_RATE,
            duration=(end - first) * _HOP_SAMPLES / _SAMPLE_RATE,
            pitch=_LOWEST_PITCH + pitch,
            velocity=max(1, round(127 * float(frames[first:end, pitch].mean()))),
            bass=0.0,
        )
        for first, end, pitch in _notes(frames, onsets)
        if first * _HOP_SAMPLES / _SAMPLE_RATE < seconds
    ]
    notes = sorted(found, key=lambda note: (note.start, note.pitch))
    return HeardNotes(tuple(notes), (), seconds)


def _posteriorgrams(samples: Float[np.ndarray, " sample"]) -> tuple[Posteriorgram, Posteriorgram]:
    """How likely each pitch sounds, and begins, in windows that overlap by their edges."""
    step, edge = _KEPT_FRAMES * _HOP_SAMPLES, _EDGE_FRAMES * _HOP_SAMPLES
    n_windows = -(-max(1, len(samples)) // step)
    padded = np.pad(samples, (edge, n_windows * step + _WINDOW_SAMPLES - len(samples)))
    kept = slice(_EDGE_FRAMES, _EDGE_FRAMES + _KEPT_FRAMES)
    frames, onsets = [], []
    for first in range(0, n_windows * step, step):
        window = padded[None, first : first + _WINDOW_SAMPLES, None].astype(np.float32)
        sounding, begun = _network().run(_OUTPUTS, {_INPUT: window})
        frames.append(sounding[0, kept])
        onsets.append(begun[0, kept])
    return np.concatenate(frames), np.concatenate(onsets)


@cache
def _network() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "basic-pitch needs onnxruntime; run `pip install 'riffkit[basic-pitch]'`"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes
        raise ModelError(
            "the bundled weights of basic-pitch are missing or damaged; install riffkit again"
        ) from error


def _notes(frames: Posteriorgram, onsets: Posteriorgram) -> list[tuple[int, int, int]]:
    """Notes as first frame, end, and pitch: first those with an onset, the latest first, then what
    still sounds, the loudest first (section 2.3 of the paper).
    """
    rest, found = frames.copy(), []
    before = np.pad(onsets, ((1, 0), (0, 0)))[:-1]
    after = np.pad(onsets, ((0, 1), (0, 0)))[1:]
    peaks = (onsets >= _ONSET_THRESHOLD) & (onsets > before) & (onsets >= after)
    for first, pitch in reversed(np.argwhere(peaks).tolist()):
        end = _end(rest[:, pitch], first)
        if end - first > _LEAST_FRAMES:
            found.append((first, end, pitch))
            _clear(rest, first, end, pitch)
    while True:
        middle, pitch = divmod(int(np.argmax(rest)), rest.shape[1])
        if rest[middle, pitch] < _FRAME_THRESHOLD:
            break
        end = _end(rest[:, pitch], middle)
        first = len(rest) - _end(rest[::-1, pitch], len(rest) - 1 - middle)
        _clear(rest, first, end, pitch)
        if end - first > _LEAST_FRAMES:
            found.append((first, end, pitch))
    return found


def _end(sounding: Float[np.ndarray, " frame"], first: int) -> int:
    """The frame after the last one of a note, which a short gap doesn't end."""
    heard = np.flatnonzero(sounding[first:] >= _FRAME_THRESHOLD)
    far = np.flatnonzero(np.diff(heard, prepend=0) > _SILENT_FRAMES)
    n_heard = int(far[0]) if far.size else len(heard)
    return first + 1 + int(heard[n_heard - 1]) if n_heard else first


def _clear(rest: Posteriorgram, first: int, end: int, pitch: int) -> None:
    """A note that was found, and its neighbours, which it makes sound too."""
    rest[first:end, max(0, pitch - 1) : pitch + 2] = 0
