"""Sound to spectrogram images: from a waveform, or from a file of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.files import iter_blocks, load
from riffkit.audio.reader import describe
from riffkit.audio.resampling import resample
from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.pixels import mel_to_pixels
from riffkit.spectrogram.streaming import stream_to_mel

ONE_PASS_SECONDS = 60.0
"""Longer clips are analyzed twice, for the maximum and for the pixels, to avoid storing their
mel.
"""
BLOCK_SAMPLES = 1 << 19


def waveform_to_image(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    params: SpectrogramParams,
    *,
    grid: BeatGrid | None = None,
    transpose: float = 0.0,
    circular: bool = False,
) -> SpectrogramImage:
    """Encode a clip of any sample rate; silence is white.

    With `grid`, the whole clip is one period of a loop of `grid.n_beats` beats, and its image may
    be `transpose` semitones lower than the sound. Without it, a column is `params.hop_ms`, and
    `circular` wraps the clip around its ends instead of mirroring it.
    """
    waveform = waveform.detach().to("cpu", torch.float32)
    if grid is not None:
        seconds = waveform.shape[-1] / sample_rate * 2 ** (transpose / 12)
        n_samples = max(1, round(seconds * params.sample_rate))
        period = _at_rate(waveform, sample_rate, params, n_samples=n_samples, circular=True)
        mel = waveform_to_mel(period, params, n_frames=grid.n_frames)
        return replace(_mel_to_image(mel, params, grid), transpose=transpose)
    if transpose:
        raise ParameterError(f"transpose={transpose:g}: needs a beat grid; set `bpm`")
    clip = _at_rate(waveform, sample_rate, params, circular=circular)
    if circular or clip.shape[-1] <= ONE_PASS_SECONDS * params.sample_rate:
        return _mel_to_image(waveform_to_mel(clip, params, circular=circular), params, None)
    return _blocks_to_image(lambda: clip.split(BLOCK_SAMPLES, dim=-1), params)


def audio_file_to_image(
    path: str | Path,
    params: SpectrogramParams,
    *,
    grid: BeatGrid | None = None,
    circular: bool = False,
) -> SpectrogramImage:
    """Encode an audio file; a long one is read in blocks, so memory beyond the image is bounded.

    Raises AudioFileError like `riffkit.audio.files.load`, except for silence.
    """
    if grid is not None or circular or describe(path).seconds <= ONE_PASS_SECONDS:
        waveform, sample_rate = load(path, allow_silence=True)
        return waveform_to_image(waveform, sample_rate, params, grid=grid, circular=circular)
    return _blocks_to_image(
        lambda: iter_blocks(path, BLOCK_SAMPLES, sample_rate=params.sample_rate), params
    )


def _at_rate(
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
    params: SpectrogramParams,
    *,
    n_samples: int | None = None,
    circular: bool = False,
) -> Float[Tensor, "channel resampled"]:
    if n_samples == waveform.shape[-1] or (n_samples is None and sample_rate == params.sample_rate):
        return waveform
    return resample(
        waveform, sample_rate, params.sample_rate, n_samples=n_samples, circular=circular
    )


def _mel_to_image(
    mel: Float[Tensor, "plane mel frame"], params: SpectrogramParams, grid: BeatGrid | None
) -> SpectrogramImage:
    pixels, max_value = mel_to_pixels(mel, params)
    return SpectrogramImage(pixels, params, max_value, grid)


def _blocks_to_image(
    open_blocks: Callable[[], Iterable[Float[Tensor, "channel _sample"]]], params: SpectrogramParams
) -> SpectrogramImage:
    """Two passes over the sound, because the pixels are relative to its maximum."""
    n_frames, max_value = 0, 0.0
    for mel in stream_to_mel(open_blocks(), params):
        n_frames += mel.shape[-1]
        max_value = max(max_value, float(mel.max()))
    pixels = np.empty((params.n_mels, n_frames, 3), np.uint8)
    first = 0
    for mel in stream_to_mel(open_blocks(), params):
        last = first + mel.shape[-1]
        pixels[:, first:last], scale = mel_to_pixels(mel, params, max_value=max_value or None)
        first = last
    return SpectrogramImage(pixels, params, scale)
