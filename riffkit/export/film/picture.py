"""The spectrogram of a video, from an image or from sound as it streams, in the page's colors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image

from riffkit.export.film.sound import Overview, Sound
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import FULL_BAND, Planes
from riffkit.spectrogram.pixels import DEFAULT_MAX_VALUE, mel_to_pixels
from riffkit.spectrogram.streaming import stream_to_mel

PARAMS = FULL_BAND.with_planes(Planes.MONO)
"""Those of a sound that has no image yet."""
SILENT = 255
_MARGIN = 8
"""Columns beside a part that its edges are interpolated from."""
_STOPS = (
    (0.0, (17, 19, 24)),
    (0.18, (20, 22, 34)),
    (0.4, (62, 38, 92)),
    (0.6, (148, 54, 96)),
    (0.8, (236, 132, 62)),
    (1.0, (255, 242, 210)),
)
"""web/src/picture.ts: ink, violet, ember, cream; lightness rises evenly with loudness."""


@runtime_checkable
class Spectrogram(Protocol):
    """Gray levels over time, loud is black: `hz` are the rows' frequencies, the top row first."""

    hz: Float64[np.ndarray, " row"]

    def seconds_of_loop(self, loop: int) -> float:
        """Where the picture of a pass of the sound begins."""
        ...

    def part(
        self, start: float, stop: float, width: int, height: int
    ) -> UInt8[np.ndarray, "height width"]:
        """The picture between two times in seconds at another size.

        Parts are asked for from left to right.
        """
        ...


class Drawn:
    """A spectrogram that is an image, which begins `lead_seconds` before the sound."""

    def __init__(self, image: SpectrogramImage, *, lead_seconds: float = 0.0) -> None:
        grid = image.grid
        self._columns_per_second = (
            1000 / image.params.hop_ms if grid is None else grid.n_frames / grid.seconds
        )
        self._gray, self._lead_seconds = _gray(image), lead_seconds
        self.hz = mel_row_hz(image.params)[::-1] * 2 ** (image.transpose / 12)

    def seconds_of_loop(self, loop: int) -> float:
        return 0.0

    def part(
        self, start: float, stop: float, width: int, height: int
    ) -> UInt8[np.ndarray, "height width"]:
        left, right = (
            (seconds + self._lead_seconds) * self._columns_per_second for seconds in (start, stop)
        )
        return _resized(self._gray, left, min(right, self._gray.shape[1]), width, height)


class Heard:
    """A spectrogram of sound of any length: its columns come as they are asked for."""

    def __init__(self, sound: Sound, loops: int, *, max_value: float) -> None:
        self.hz = mel_row_hz(PARAMS)[::-1]
        self._seconds = sound.seconds
        self._blocks = _gray_blocks(sound, loops, max_value)
        self._held = np.full((PARAMS.n_mels, 0), SILENT, np.uint8)
        self._first = 0  # column that `_held` begins with

    def seconds_of_loop(self, loop: int) -> float:
        return loop * self._seconds

    def part(
        self, start: float, stop: float, width: int, height: int
    ) -> UInt8[np.ndarray, "height width"]:
        left, right = (seconds * 1000 / PARAMS.hop_ms for seconds in (start, stop))
        self._forget_before(int(left) - _MARGIN)
        self._read_until(int(right) + _MARGIN)
        right = min(right, self._first + self._held.shape[1])
        return _resized(self._held, left - self._first, right - self._first, width, height)

    def _forget_before(self, column: int) -> None:
        n_old = min(max(0, column - self._first), self._held.shape[1])
        self._held, self._first = self._held[:, n_old:], self._first + n_old

    def _read_until(self, column: int) -> None:
        parts = [self._held]
        n_held = self._held.shape[1]
        while self._first + n_held < column and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            n_held += block.shape[1]
        self._held = np.concatenate(parts, axis=1)


def _gray_blocks(
    sound: Sound, loops: int, max_value: float
) -> Iterator[UInt8[np.ndarray, "row _column"]]:
    for mel in stream_to_mel(sound.played(loops, PARAMS.sample_rate), PARAMS):
        yield mel_to_pixels(mel, PARAMS, max_value=max_value)[0][:, :, 0]


def loudest_of(sound: Sound, overview: Overview) -> float:
    """The highest mel magnitude of a sound; its peaks are taken on the way."""
    blocks = overview.counting(sound).played(1, PARAMS.sample_rate)
    found = max((float(mel.max()) for mel in stream_to_mel(blocks, PARAMS)), default=0.0)
    return found or DEFAULT_MAX_VALUE


def drawn_of_sound(sound: Sound, overview: Overview, *, circular: bool) -> Drawn:
    """A short sound as an image; where it is `circular`, its end leads into its beginning."""
    import torch

    waveform = torch.cat(list(overview.counting(sound).played(1, PARAMS.sample_rate)), dim=-1)
    return Drawn(waveform_to_image(waveform, PARAMS.sample_rate, PARAMS, circular=circular))


def _gray(image: SpectrogramImage) -> UInt8[np.ndarray, "row column"]:
    """The mean of the planes, of which Riffusion's red is empty."""
    planes = image.pixels if image.pixels[:, :, 0].any() else image.pixels[:, :, 1:]
    found = np.empty(planes.shape[:2], np.uint8)
    for row, pixels in zip(found, planes, strict=True):  # not all at once: an image may be long
        row[:] = pixels.sum(axis=1, dtype=np.uint16) // planes.shape[2]
    return found


def _resized(
    gray: UInt8[np.ndarray, "row column"], left: float, right: float, width: int, height: int
) -> UInt8[np.ndarray, "height width"]:
    """Columns `left` to `right`, with fractions, at another size; interpolated beyond their edges.

    Enlarged it is linear, and reduced each pixel is the mean of what it covers (Pillow's BILINEAR).
    """
    first = max(0, int(left) - _MARGIN)
    last = min(gray.shape[1], int(np.ceil(right)) + _MARGIN)
    if not left < right or last <= first:
        return np.full((height, width), SILENT, np.uint8)
    columns = Image.fromarray(np.ascontiguousarray(gray[:, first:last]))
    box = (max(0.0, left - first), 0, min(right - first, last - first), gray.shape[0])
    resized = columns.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized)


def colors() -> UInt8[np.ndarray, "256 3"]:
    """The color of each gray level."""
    loud = (255 - np.arange(256)) / 255
    places, stops = zip(*_STOPS, strict=True)
    channels = [np.interp(loud, places, channel) for channel in zip(*stops, strict=True)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
