"""What every vocoder is: mel magnitudes in, a waveform of an exact length out."""

from __future__ import annotations

import math
from typing import Literal, Protocol, get_args, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.params import SpectrogramParams

Quality = Literal["preview", "default", "high"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)


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
        Column k is centred on sample k · n_samples / n_frames at `params.sample_rate`.
        `circular`: the last column leads into the first, and the last sample too.
        The same arguments give the same samples, alone or in a batch.
        """
        ...


@runtime_checkable
class ContinuingVocoder(Vocoder, Protocol):
    """A vocoder whose phase is its own choice, and which can go on from given sound.

    Long images are decoded in blocks; each is told what was already made of its first columns.
    """

    def continue_from(
        self,
        mel: Float[Tensor, "batch plane mel frame"],
        params: SpectrogramParams,
        *,
        n_samples: int,
        before: Float[Tensor, "batch channel before_sample"],
        after: Float[Tensor, "batch channel after_sample"] | None = None,
        seed: int = 0,
        quality: Quality = "default",
    ) -> Float[Tensor, "batch channel sample"]:
        """As `__call__`; `before` is the sound of the first columns, `after` that of the last.

        Each is a whole number of columns. The result repeats them, and flows out of the one and
        into the other.
        """
        ...


def check_input(
    mel: Float[Tensor, "batch plane mel frame"],
    params: SpectrogramParams,
    *,
    n_samples: int,
    quality: str,
) -> None:
    """Raise ParameterError for what no vocoder can decode."""
    n_planes, n_mels, n_frames = mel.shape[1:]
    wanted = (params.planes.n_mel_planes, params.n_mels)
    if (n_planes, n_mels) != wanted or n_frames < 1:
        raise ParameterError(
            f"mel={tuple(mel.shape)}: the preset {params.preset!r} asks for {wanted[0]} planes "
            f"of {wanted[1]} rows and at least one column"
        )
    if n_samples < n_frames:
        raise ParameterError(
            f"n_samples={n_samples}: must be at least one for each of the {n_frames} columns"
        )
    if quality not in QUALITIES:
        raise ParameterError(f"quality={quality!r}: must be one of {', '.join(QUALITIES)}")
    magnitudes = mel.detach().cpu().numpy()  # NaN fails both comparisons
    if not (magnitudes.min() >= 0 and magnitudes.max() < math.inf):
        raise ParameterError("mel: must hold magnitudes, finite and not below 0")
