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
    """The image of a track; that of a mono one has equal planes."""
    if not is_mono(track):
        return image
    pixels = image.pixels.copy()
    sounding = pixels[:, :, 1:] if image.params.planes is Planes.RIFFUSION_STEREO else pixels
    sounding[:] = np.rint(sounding.mean(axis=2, keepdims=True))
    return replace(image, pixels=pixels)


def stems_to_mix(
    images: Sequence[SpectrogramImage],
    score: Score,
    *,
    vocoder: str = DEFAULT,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
    device: str = "cpu",
) -> Mixed:
    """Decode the image of each track of a score, and mix the sounds.

    Each is decoded alone, a mono track as one channel. The images have one size and one preset.
    Options are those of `riffkit.vocoder.decode.decode`; the stems are as `riffkit.music.mixing`
    says, at the images' rate.
    """
    dry = []
    for image, track in zip(images, score.tracks, strict=True):
        if is_mono(track) and image.params.planes is Planes.LEFT_RIGHT_MID:
            image = replace(image, params=image.params.with_planes(Planes.MONO))
        sound = decode(
            image, vocoder=vocoder, quality=quality, seed=seed, circular=circular, device=device
        )
        dry.append(sound.numpy())
    return mix(dry, score, images[0].params.sample_rate, circular=circular)
