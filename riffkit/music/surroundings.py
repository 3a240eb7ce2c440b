"""Brings a repainted part to the level of what is around it.

A model paints each image to its own black, however loud the clip around it is: beside a dense song
a new part is often 10 dB and more too quiet.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Float64, UInt8
from pyloudnorm import Meter
from scipy.ndimage import maximum_filter1d
from scipy.signal import freqz
from torch import Tensor

from riffkit.audio.loudness import integrated_lufs
from riffkit.limits import Quality
from riffkit.music.mask import Mask
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz, mel_row_spacing_hz
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.pixels import DEFAULT_MAX_VALUE, mel_to_pixels, pixels_to_mel
from riffkit.vocoder.decode import decode

MOST_UP_DB, MOST_DOWN_DB = 18.0, 12.0
_FULL_SHARE = 0.998  # of a part's pixels; what is louder than black among the others is clipped
_SILENT_DB = -70.0  # of a black column's energy: below, there is no level to take or to bring

Pixels = UInt8[np.ndarray, "row frame 3"]


def brought_to_level(
    image: SpectrogramImage,
    new: Pixels,
    mask: Mask,
    sound: Float[Tensor, "channel sample"],
    *,
    bar: int,
    loop: bool,
    quality: Quality = "default",
) -> SpectrogramImage:
    """The image with `new` where the mask is 1, at the level of its surroundings.

    `sound` is the image's own. Where whole columns are new, the level is the loudness that is heard
    (BS.1770) when they are decoded; else that of the pixels, `gain_db`.
    """
    up = gain_db(image, new, mask, bar=bar, loop=loop)
    if up and np.isin(mask.min(axis=0), (0, 1)).all() and mask.min(axis=0).any():
        heard = _heard(merged(image, new, mask, up), mask, quality)
        around = _samples(_around(mask, bar, loop=loop), image.n_samples)
        wanted = integrated_lufs(sound[:, around], image.params.sample_rate)
        if math.isfinite(wanted - heard):
            up = float(np.clip(up + wanted - heard, -MOST_DOWN_DB, MOST_UP_DB))
    return merged(image, new, mask, up)


def _heard(image: SpectrogramImage, mask: Mask, quality: Quality) -> float:
    """The loudness of the columns where a mask is above 0, in LUFS, decoded with a beat more."""
    beats = (np.flatnonzero(mask.max(axis=0) > 0) // PIXELS_PER_BEAT).tolist()
    first = max(0, beats[0] - 1) * PIXELS_PER_BEAT
    last = min((beats[-1] + 2) * PIXELS_PER_BEAT, image.n_frames)
    assert image.grid is not None
    grid = BeatGrid(image.grid.bpm, (last - first) // PIXELS_PER_BEAT)
    part = replace(image, pixels=image.pixels[:, first:last], grid=grid)
    sound = decode(part, quality=quality)
    inside = _samples(mask[:, first:last].max(axis=0) > 0, part.n_samples)
    return integrated_lufs(sound[:, inside], image.params.sample_rate)


def _samples(columns: Bool[np.ndarray, " frame"], n_samples: int) -> Bool[np.ndarray, " sample"]:
    """Whether each sample lies in one of the columns."""
    chosen: Bool[np.ndarray, " sample"] = columns[np.arange(n_samples) * len(columns) // n_samples]
    return chosen


def _around(mask: Mask, bar: int, *, loop: bool) -> Bool[np.ndarray, " frame"]:
    """The columns on either side of those of the mask: as many, and at least a bar."""
    touched = mask.max(axis=0) > 0
    reach = max(bar, int(touched.sum()))
    mode = "wrap" if loop else "constant"
    near: Bool[np.ndarray, " frame"] = maximum_filter1d(touched, 2 * reach + 1, mode=mode)
    return near & ~touched


def gain_db(image: SpectrogramImage, new: Pixels, mask: Mask, *, bar: int, loop: bool) -> float:
    """How much louder `new` has to be, where the mask is above 0, to be at the level around it.

    The level is the mean energy in the rows of the mask, over as many columns on either side as the
    mask touches, and at least a `bar` of them. Where those rows are kept nowhere, it is that of
    what was there before, and the new part is only raised. Between −12 and 18 dB; 0 for silence.
    """
    touched, around = mask.max(axis=0) > 0, _around(mask, bar, loop=loop)
    rows = mask[:, touched].mean(axis=1, keepdims=True)
    old, fresh = _energy(image, image.pixels), _energy(image, new)
    found = (fresh * mask)[:, touched].sum(axis=0).mean()
    wanted = (old * rows)[:, around].sum(axis=0).mean() if around.any() else 0.0
    lowest = -MOST_DOWN_DB
    if not around.any():
        wanted, lowest = (old * mask)[:, touched].sum(axis=0).mean(), 0.0
    silence = 10 ** (_SILENT_DB / 10) * _row_weights(image.params).sum()
    if min(found, wanted) <= silence:
        return 0.0
    return float(np.clip(10 * math.log10(wanted / found), lowest, MOST_UP_DB))


def merged(
    image: SpectrogramImage, new: Pixels, mask: Mask, gain_db: float = 0.0
) -> SpectrogramImage:
    """The image with `new`, so much louder, where the mask is 1.

    Where more than a few pixels get louder than the image's black, black is made to mean louder,
    and all that is kept gets lighter by as much.
    """
    kept, painted, max_value = image.pixels, new, image.max_value
    if gain_db:
        black = image.max_value or DEFAULT_MAX_VALUE
        louder = pixels_to_mel(new, image.params, max_value=black) * 10 ** (gain_db / 20)
        columns = np.flatnonzero(mask.any(axis=0))
        peak = float(np.quantile(louder.amax(0)[:, columns].numpy(), _FULL_SHARE))
        if peak > black:
            old = pixels_to_mel(image.pixels, image.params, max_value=black)
            kept, max_value = mel_to_pixels(old, image.params, max_value=peak)
        painted, _ = mel_to_pixels(louder, image.params, max_value=max(peak, black))
    weight = mask[..., None]
    pixels = np.rint(kept * (1 - weight) + painted * weight).astype(np.uint8)
    return replace(image, pixels=pixels, max_value=max_value)


def _energy(image: SpectrogramImage, pixels: Pixels) -> Float[np.ndarray, "row frame"]:
    """The energy of each pixel, of all planes together, as loudness counts it: of noise a wide row
    holds more, and K-weighting (ITU-R BS.1770) lets the treble count more and the lowest bass less.
    """
    mel = pixels_to_mel(pixels, image.params, max_value=1.0)
    energy = mel.square().sum(0).flip(0).numpy() * _row_weights(image.params)[:, None]
    found: Float[np.ndarray, "row frame"] = energy
    return found


@lru_cache(maxsize=4)
def _row_weights(params: SpectrogramParams) -> Float64[np.ndarray, " row"]:
    stages = Meter(params.sample_rate)._filters.values()
    turn = 2 * np.pi * mel_row_hz(params) / params.sample_rate
    gains = [np.abs(freqz(stage.b, stage.a, turn)[1]) ** 2 for stage in stages]
    weights: Float64[np.ndarray, " row"] = np.prod(gains, axis=0) / mel_row_spacing_hz(params)
    return weights[::-1]
