"""One clip as the judges hear and see it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.signal
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from riffkit.analysis.key import key as key_of
from riffkit.analysis.musicnn import front_end, mel_image
from riffkit.analysis.onsets import hop_samples, onset_curve
from riffkit.evaluation.adherence import Adherence
from riffkit.evaluation.measures import Measures
from riffkit.evaluation.probe import Heard, image_for_probe, listen, pooled_loudness
from riffkit.evaluation.prompts import EvalPrompt
from riffkit.evaluation.renders import Render
from riffkit.spectrogram.beat_grid import PIXELS_PER_BEAT, BeatGrid
from riffkit.spectrogram.image import SpectrogramImage

PICTURE_SIDE = 32
TOLERANCE_SECONDS = 0.02
STEPS_PER_BEAT = 4
_PROMINENCE = 0.1  # of the strongest onset


@dataclass(frozen=True, eq=False)
class Reading:
    """One clip as the judges hear and see it."""

    adherence: Adherence
    sound: Float[np.ndarray, " sound_feature"]
    """musicnn's features."""
    picture: Float[np.ndarray, " picture_feature"]
    """Its coarse image, starting at an arbitrary bar."""
    measures: Measures = field(default_factory=Measures)
    """What else is measured of it."""
    render: Render | None = None
    """Of the score that it was painted after."""


def read_clip(
    prompt: EvalPrompt,
    image: SpectrogramImage,
    waveform: Float[Tensor, "channel sample"],
    sample_rate: int,
) -> Reading:
    """Read a loop on the beat grid, and score it for a prompt."""
    grid = BeatGrid(60.0, image.n_frames // PIXELS_PER_BEAT) if image.grid is None else image.grid
    return Reading(
        adherence=adherence_of(prompt, grid, waveform, sample_rate),
        sound=musicnn_features(waveform, sample_rate).numpy(),
        picture=picture_features(image),
    )


def adherence_of(
    prompt: EvalPrompt, grid: BeatGrid, waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Adherence:
    """The scores of a loop's sound.

    The probe gets an image of it that is of one preset for all models, in the key that it sounds.
    """
    image = image_for_probe(waveform, sample_rate, grid)
    found = key_of(waveform.tile(1, 2), sample_rate)
    name = found.name if found else "none"
    return Adherence(
        **_told(prompt, listen(image)),
        key=None if prompt.key is None else float(name == prompt.key),
        mode=None if prompt.key is None else float(name.split()[-1] == prompt.key.split()[-1]),
        on_grid=share_on_grid(waveform, sample_rate, n_beats=grid.n_beats),
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
    loudness = pooled_loudness(image.pixels, image.params)[-1][None]
    return functional.adaptive_avg_pool2d(loudness, PICTURE_SIDE).flatten().numpy()


@torch.no_grad()
def musicnn_features(
    waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> Float[Tensor, " feature"]:
    """The means over time of the front-end's 561 features, for distances between sets of clips.

    The tagger's later layers separate rendered music badly. A clip under 3 s is repeated.
    """
    return front_end(mel_image(waveform, sample_rate)[None])[0].mean(dim=1)


def share_on_grid(
    loop: Float[Tensor, "channel sample"], sample_rate: int, *, n_beats: int
) -> float | None:
    """The fraction of a loop's onsets within 20 ms of a sixteenth note; None without onsets."""
    twice = loop.tile(1, 2)  # what begins at the seam has a before
    curve = onset_curve(twice, sample_rate)
    if not curve.max() > 0:
        return None
    peaks, _ = scipy.signal.find_peaks(curve, prominence=_PROMINENCE * curve.max())
    peaks = peaks[(peaks >= len(curve) // 4) & (peaks < len(curve) // 4 * 3)]
    if not len(peaks):
        return None
    below, here, above = (curve[np.clip(peaks + k, 0, len(curve) - 1)] for k in (-1, 0, 1))
    vertex = 0.5 * (below - above) / np.minimum(below - 2 * here + above, -1e-12)
    seconds = (peaks + vertex) * hop_samples(sample_rate) / sample_rate
    step = loop.shape[-1] / sample_rate / (n_beats * STEPS_PER_BEAT)
    late = (seconds - _lag(seconds, step) + step / 2) % step - step / 2
    return float(np.mean(np.abs(late) <= TOLERANCE_SECONDS))


def _lag(seconds: Float[np.ndarray, " onset"], step: float) -> float:
    """How far after their grid the onsets lie on the whole: attacks take their time."""
    angle = np.angle(np.exp(2j * np.pi * seconds / step).sum())
    return float(angle / (2 * np.pi) * step)
