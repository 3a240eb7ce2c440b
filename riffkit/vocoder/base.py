"""The vocoder interface: mel magnitudes in, a waveform of an exact length out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.limits import QUALITIES, Quality
from riffkit.spectrogram.params import SpectrogramParams

__all__ = ["QUALITIES", "InpaintingVocoder", "KnownSound", "Quality", "Vocoder", "check_input"]


@runtime_checkable
class Vocoder(Protocol):
    """Turns mel magnitudes into sound."""

    name: str

    def __call__(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        seed: int = 0,
        circular: bool = False,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """The waveforms of a batch, float32 on the CPU, ±1 at full scale.

        `mel` is on the int16 scale, lowest band first, with the planes of `params.planes`.
        Column k is centered on sample k · n_samples / n_frames at `params.sample_rate`.
        With `circular`, the last column leads into the first, and the last sample into the first.
        The same arguments give the same samples, alone or in a batch.
        """
        ...


@dataclass(frozen=True, eq=False)
class KnownSound:
    """Known sound, and its place in the image.

    `waveform` is as long as the result, and may be silent elsewhere. `is_known` is True for the
    cells of the mel image, lowest band first, whose sound is in `waveform`.
    """

    waveform: Float[Tensor, "batch channel sample"]
    is_known: Bool[Tensor, "mel frame"]


@runtime_checkable
class InpaintingVocoder(Vocoder, Protocol):
    """A vocoder that chooses the phase, and can match it to known sound.

    Long images are decoded in blocks that each continue the one before; edited parts continue the
    parts that are kept.
    """

    def inpaint(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        known: KnownSound,
        seed: int = 0,
        circular: bool = False,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """Like `__call__`, but keep the known sound and solve only for the rest.

        If all rows of some columns are known, their samples are returned unchanged, except for a
        fade of half a window at either end.
        """
        ...


def check_input(
    mel: Float[Tensor, "batch plane mel frame"],
    params: SpectrogramParams,
    *,
    n_samples: int,
    quality: str,
) -> None:
    """Raise ParameterError for input that no vocoder can decode."""
    n_planes, n_mels, n_frames = mel.shape[1:]
    wanted = (params.planes.n_mel_planes, params.n_mels)
    if (n_planes, n_mels) != wanted or n_frames < 1:
        raise ParameterError(
            f"mel={tuple(mel.shape)}: the preset {params.preset!r} needs {wanted[0]} planes "
            f"of {wanted[1]} rows and at least one column"
        )
    if n_samples < n_frames:
        raise ParameterError(f"n_samples={n_samples}: must be at least {n_frames}, one per column")
    if quality not in QUALITIES:
        raise ParameterError(f"quality={quality!r}: must be one of {', '.join(QUALITIES)}")
    least, most = mel.aminmax()  # both are NaN if any is, which fails the comparisons
    if not ((least >= 0) & (most < math.inf)):
        raise ParameterError("mel: must contain finite magnitudes of at least 0")
