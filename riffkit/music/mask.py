"""Masks of what to regenerate: time spans, bands, painted masks, everything but the melody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.music.source import Source
from riffkit.provenance.recipe import sha256
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams
from riffkit.spectrogram.png import flattened, params_in

_MOST_GRAY = 0.5  # of a mask's pixels, which are black or white but for soft edges

Mask = Float[np.ndarray, "row frame"]
"""0 where the image is kept, 1 where it is regenerated; rows as in the image, highest band
first.
"""


def mask_of(
    source: Source,
    *,
    time: tuple[float, float] | None = None,
    freq: tuple[float, float] | None = None,
    keep_melody: bool = False,
) -> Mask:
    """1 where a span in seconds and a band in Hz overlap; 1 everywhere if neither is given."""
    height, width = source.image.pixels.shape[:2]
    mask = np.ones((height, width))
    if time is not None:
        seconds = source.waveform.shape[-1] / source.sample_rate
        if time[0] >= seconds:
            raise ParameterError(f"time={time[0]:g}:{time[1]:g}: the clip ends at {seconds:.2f} s")
        begin, end = (round(source.frame_of(t)) for t in time)
        inside = np.zeros(width)
        inside[max(0, begin) : max(begin + 1, end)] = 1
        mask *= inside
    if freq is not None:
        params = source.image.params
        semitones = source.image.transpose
        hz = mel_row_hz(params)[::-1] * 2 ** (semitones / 12)
        inside_band = (hz >= freq[0]) & (hz <= freq[1])
        if not inside_band.any():
            raise ParameterError(
                f"freq={freq[0]:g}:{freq[1]:g}: outside the image's range; "
                f"must overlap {hz.min():.0f} to {hz.max():.0f} Hz"
            )
        mask *= inside_band[:, None]
    if keep_melody:
        mask *= 1 - strongest_partials(source.image)
    return mask


@dataclass(frozen=True, eq=False)
class PaintedMask:
    """A mask from a file, and the file's identity for the recipe."""

    levels: Mask
    identity: dict[str, str]
    remarks: tuple[str, ...] = ()


def read_mask(path: Path, source: Source) -> PaintedMask:
    """Read a mask: white is regenerated, black kept, gray in between; what is transparent is kept.

    It has the size of the clip's image, or of the image that `encode` makes of the clip; its rows
    are then those of riffusion-v1, or of the preset that its tags name. Raises ParameterError for
    another size, for a file that can't be read, and for a spectrogram, which isn't a mask.
    """
    levels, params = _levels_in(path)
    if params is not None and ((levels > 0.05) & (levels < 0.95)).mean() > _MOST_GRAY:
        raise ParameterError(
            f"mask={path.name!r}: is a spectrogram and not a mask; paint white over what is to be "
            "regenerated, and black over the rest"
        )
    remarks: tuple[str, ...] = ()
    if levels.shape != source.image.pixels.shape[:2]:
        params = params or RIFFUSION_V1
        levels = _of_layout(levels, params, source, path)
        remarks = (f"{path.name}: laid over the clip's image, with the rows of {params.preset}",)
    return PaintedMask(levels, {"name": path.name, "sha256": sha256(path)}, remarks)


def _levels_in(path: Path) -> tuple[Mask, SpectrogramParams | None]:
    """An image's gray levels, and its spectrogram parameters if it has any."""
    try:
        with Image.open(path) as opened:
            flat = Image.fromarray(flattened(opened, over=0))
            params = params_in(opened.info)
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
        raise ParameterError(f"mask={path.name!r}: can't be read as an image") from error
    return np.asarray(flat.convert("L"), np.float64) / 255, params


@dataclass(frozen=True, eq=False)
class ScaledMask:
    """A mask of any size, and the file's identity for the recipe."""

    levels: Mask
    identity: dict[str, str]
    remarks: tuple[str, ...] = ()

    def cells(self, rows: int, columns: int) -> Float[Tensor, "1 1 latent_row column"]:
        """Stretched over so many latent cells, each the mean of its pixels."""
        levels = torch.from_numpy(self.levels).float()[None, None]
        return torch.nn.functional.adaptive_avg_pool2d(levels, (rows, columns))


def read_scaled_mask(path: Path) -> ScaledMask:
    """Read a mask that is laid over latents of any size; ParameterError if it can't be read."""
    levels, _ = _levels_in(path)
    return ScaledMask(levels, {"name": path.name, "sha256": sha256(path)})


def _of_layout(
    levels: Mask, params: SpectrogramParams, source: Source, path: Path
) -> Float[np.ndarray, "laid_row laid_frame"]:
    """A mask that was painted on the clip's plain image with these parameters, on its own."""
    height, width = source.image.pixels.shape[:2]
    seconds = source.waveform.shape[-1] / source.sample_rate
    n_frames = 1000 * seconds / params.hop_ms
    if levels.shape[0] != params.n_mels or abs(levels.shape[1] - n_frames) > 1.5:
        raise ParameterError(
            f"mask={path.name!r}: {levels.shape[1]} × {levels.shape[0]} px; must be {width} × "
            f"{height}, the size of the clip's image, or {math.ceil(n_frames)} × {params.n_mels}, "
            "that of the image that `riff encode` makes of it"
        )
    at = np.array([source.seconds_of(frame + 0.5) for frame in range(width)])
    columns = np.floor(at / seconds * levels.shape[1]).astype(int)
    sounding = mel_row_hz(source.image.params)[::-1] * 2 ** (source.image.transpose / 12)
    rows = np.abs(sounding[:, None] - mel_row_hz(params)[::-1][None]).argmin(axis=1)
    inside = (columns >= 0) & (columns < levels.shape[1])
    laid: np.ndarray = levels[rows][:, columns.clip(0, levels.shape[1] - 1)] * inside
    return laid


def strongest_partials(image: SpectrogramImage) -> Mask:
    """1 around the loudest peaks of each column.

    They are the melody or loudest part with its overtones: peaks along frequency with most of each
    column's energy.
    """
    level = 1 - image.pixels.mean(-1) / 255
    here, above, below = level[1:-1], level[:-2], level[2:]
    peak = np.zeros(level.shape, bool)
    peak[1:-1] = (here >= above) & (here >= below)
    strong = peak & (level >= 0.72 * level.max(axis=0, keepdims=True)) & (level > 0.3)
    near = strong.copy()
    for shift in (1, 2, 3):
        near[shift:] |= strong[:-shift]
        near[:-shift] |= strong[shift:]
    return near.astype(float)


def mask_to_cells(mask: Mask, stride: int) -> Float[Tensor, "1 1 latent_row column"]:
    """The mask in latent cells: each takes the maximum of its pixels."""
    rows, frames = mask.shape
    padded = np.pad(mask, ((0, -rows % stride), (0, -frames % stride)))
    cells = torch.from_numpy(padded).float()[None, None]
    return torch.nn.functional.max_pool2d(cells, stride)
