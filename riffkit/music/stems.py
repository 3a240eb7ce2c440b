"""Painted tracks to stems: each image decoded, and all mixed as the score says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from riffkit.music.mixing import Mixed, mix
from riffkit.score.notes import Score, Track
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import Planes
from riffkit.vocoder.base import Quality
from riffkit.vocoder.decode import decode
from riffkit.vocoder.registry import DEFAULT

MONO = frozenset(
    (
        "kick", "snare",
        "upright bass", "bass guitar", "fretless bass", "slap bass", "synth bass", "timpani",
        "clavinet", "electric guitar", "muted guitar", "overdriven guitar", "distorted guitar",
        "jazz guitar", "banjo", "sitar",
        "violin", "viola", "cello",
        "trumpet", "trombone", "muted trumpet", "french horn", "saxophone",
        "oboe", "clarinet", "flute", "pan flute", "harmonica",
        "square lead", "synth lead",
    )
)  # fmt: skip
"""What sounds from one point: one string or pipe, an amplifier. Keyboards, sections, pads and
cymbals are wide. The room makes all of them stereo."""


def is_mono(track: Track) -> bool:
    """Whether a track is painted as mono; its place is then that of the panorama alone."""
    return track.role == "bass" or track.instrument in MONO


def as_played(image: SpectrogramImage, track: Track) -> SpectrogramImage:
    """The image of a track; that of a mono one has three equal planes, and decodes to a channel."""
    planes = image.params.planes
    if planes is Planes.MONO or not is_mono(track):
        return image
    heard = image.pixels[:, :, 1:] if planes is Planes.RIFFUSION_STEREO else image.pixels
    plane = np.rint(heard.mean(axis=2, keepdims=True)).astype(np.uint8)
    return replace(
        image, pixels=plane.repeat(3, axis=2), params=image.params.with_planes(Planes.MONO)
    )


def stems_to_mix(
    images: Sequence[SpectrogramImage],
    score: Score,
    *,
    names: Sequence[str] | None = None,
    ducked_by: Sequence[Track] | None = None,
    vocoder: str = DEFAULT,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
    device: str = "cpu",
) -> Mixed:
    """Decode the image of each track of a score, and mix the sounds.

    Each is decoded alone, a mono track as one channel. The images have one size and one preset.
    `names` and `ducked_by` are as in `mix`; other options are those of
    `riffkit.vocoder.decode.decode`. The stems are as `riffkit.music.mixing` says, at the images'
    rate.
    """
    dry = []
    for image, track in zip(images, score.tracks, strict=True):
        sound = decode(
            as_played(image, track),
            vocoder=vocoder,
            quality=quality,
            seed=seed,
            circular=circular,
            device=device,
        )
        dry.append(sound.numpy())
    rate = images[0].params.sample_rate
    return mix(dry, score, rate, circular=circular, names=names, ducked_by=ducked_by)
