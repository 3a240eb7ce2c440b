"""Mel magnitudes ⇄ pixels: the image's one equation."""

from __future__ import annotations

from math import isfinite

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.params import Planes, SpectrogramParams

DEFAULT_MAX_VALUE = 30e6
"""Riffusion's constant for images without MAX_VALUE, on the int16 scale."""

# The mel plane that goes into red, green and blue; None is an empty plane, 0 everywhere.
_PLANE_OF_COLOR: dict[Planes, tuple[int | None, int, int]] = {
    Planes.MONO: (0, 0, 0),
    Planes.RIFFUSION_STEREO: (None, 0, 1),
    Planes.LEFT_RIGHT_MID: (0, 1, 2),
}


def mel_to_pixels(
    mel: Float[Tensor, "plane mel frame"],
    params: SpectrogramParams,
    *,
    max_value: float | None = None,
) -> tuple[UInt8[np.ndarray, "row frame 3"], float]:
    """Pixels 255 − 255 · (S / max) ** power, rounded, and the `max_value` used.

    `max_value` defaults to the mel's maximum over all planes; louder values are clipped to black.
    Silence is white on any scale, and gets riffusion's default.
    """
    if mel.shape[0] != params.planes.n_mel_planes:
        raise ParameterError(
            f"mel planes={mel.shape[0]}: must be {params.planes.n_mel_planes} for "
            f"{params.planes.name}"
        )
    if max_value is None:
        max_value = (float(mel.max()) if mel.numel() else 0.0) or DEFAULT_MAX_VALUE
    if not (isfinite(max_value) and max_value > 0):
        raise ParameterError(f"max_value={max_value}: must be above 0 and finite; check the clip")
    levels = _levels(mel / max_value, params.power_for_image)
    pixels = np.zeros((*levels.shape[1:], 3), np.uint8)
    for color, plane in enumerate(_PLANE_OF_COLOR[params.planes]):
        if plane is not None:
            pixels[:, :, color] = levels[plane]
    return pixels, max_value


def _levels(
    relative: Float[Tensor, "plane mel frame"], power: float
) -> UInt8[np.ndarray, "plane row frame"]:
    loudness = relative.detach().clamp(0, 1)
    # Two square roots take a tenth of the time of the general power.
    loudness = loudness.sqrt_().sqrt_() if power == 0.25 else loudness.pow_(power)
    return loudness.mul_(-255).add_(255.5).to(torch.uint8).flip(1).numpy(force=True)


def pixels_to_mel(
    pixels: UInt8[np.ndarray, "row frame 3"], params: SpectrogramParams, *, max_value: float
) -> Float[Tensor, "plane mel frame"]:
    """The inverse of `mel_to_pixels`: max · ((255 − y) / 255) ** (1 / power).

    MONO takes the mean of the three colors, which differ in generated or recompressed images.
    """
    values = pixels[::-1].transpose(2, 0, 1).astype(np.uint16)
    if params.planes is Planes.MONO:
        values = values[0:1] + values[1:2] + values[2:3]
    elif params.planes is Planes.RIFFUSION_STEREO:
        values = values[1:]
    white = 765 if params.planes is Planes.MONO else 255
    loudness = 1 - np.arange(white + 1) / white
    table = (max_value * loudness ** (1 / params.power_for_image)).astype(np.float32)
    return torch.from_numpy(table[values])
