"""One clip as the judges hear and see it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.key import key as key_of
from riffkit.evaluation.musicnn import musicnn_features
from riffkit.evaluation.probe import Heard, listen, pooled_loudness
from riffkit.evaluation.prompts import EvalPrompt
from riffkit.evaluation.rhythm import share_on_grid
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT
from riffkit.spectrogram.image import SpectrogramImage

PICTURE_SIDE = 32


@dataclass(frozen=True)
class Adherence:
    """What one clip scores, from 0 to 1; None where its prompt says nothing of it.

    `instruments` is the share that was heard, `on_grid` the share of onsets near a sixteenth.
    """

    instruments: float | None
    style: float | None
    drums: float | None
    density: float | None
    key: float | None
    mode: float | None
    on_grid: float | None


ASPECTS = tuple(field.name for field in fields(Adherence))


@dataclass(frozen=True, eq=False)
class Reading:
    """One clip as the judges hear and see it."""

    adherence: Adherence
    sound: Float[np.ndarray, " sound_feature"]
    """musicnn's features."""
    picture: Float[np.ndarray, " picture_feature"]
    """Its coarse image, begun at no bar in particular."""


def read_clip(
    prompt: EvalPrompt,
    image: SpectrogramImage,
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
) -> Reading:
    """A loop on the beat grid, and what it scores for a prompt."""
    n_beats = image.n_frames // PIXELS_PER_BEAT
    heard = listen(image.pixels)
    found = key_of(waveform.tile(1, 2), sample_rate)
    name = found.name if found else "none"
    return Reading(
        adherence=Adherence(
            **_told(prompt, heard),
            key=None if prompt.key is None else float(name == prompt.key),
            mode=None if prompt.key is None else float(name.split()[-1] == prompt.key.split()[-1]),
            on_grid=share_on_grid(waveform, sample_rate, n_beats=n_beats),
        ),
        sound=musicnn_features(waveform, sample_rate).numpy(),
        picture=picture_features(image),
    )


def _told(prompt: EvalPrompt, heard: Heard) -> dict[str, float | None]:
    """What the probe says of the facts that the prompt asks for."""

    def is_likeliest(kind: str, value: str | None) -> float | None:
        return None if value is None else float(heard.most_likely(kind) == [value])

    return {
        "instruments": heard.share_heard(prompt.instruments) if prompt.instruments else None,
        "style": is_likeliest("style", prompt.style),
        "drums": is_likeliest("drums", "yes" if prompt.drums else "no"),
        "density": is_likeliest("density", prompt.density),
    }


def picture_features(image: SpectrogramImage) -> Float[np.ndarray, " feature"]:
    """Loudness of 32 bands at 32 times of the loop; to find what is all but copied."""
    loudness = pooled_loudness(image.pixels)[-1][None]
    return functional.adaptive_avg_pool2d(loudness, PICTURE_SIDE).flatten().numpy()
