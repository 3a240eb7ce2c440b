"""A spectrogram image becomes a waveform of exactly its length, however long it is."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.spectrogram.image import DEFAULT_MAX_VALUE, SpectrogramImage, pixels_to_mel
from riffkit.vocoder.base import ContinuingVocoder, Quality, Vocoder
from riffkit.vocoder.registry import DEFAULT
from riffkit.vocoder.registry import vocoder as vocoder_by_name

WHOLE_FRAMES = 4096
"""Images up to this width, 41 s at 10 ms a column, are decoded at once."""
BLOCK_FRAMES = 1024
KNOWN_FRAMES = 48  # of a block: its predecessor made them, and it goes on from there
END_FRAMES = 16  # of a block: decoded without knowledge of what follows, and made again
FADE_FRAMES = 16


def decode(
    image: SpectrogramImage,
    *,
    vocoder: str = DEFAULT,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
) -> Float[Tensor, "channel sample"]:
    """The sound of `image`: `image.n_samples` samples at `image.params.sample_rate`, ±1.

    Where the image doesn't say its MAX_VALUE, black is riffusion's 30e6. `circular`: the end
    flows into the start. Beside the image and the result, memory is that of one block.
    """
    voice = vocoder_by_name(vocoder)
    if image.n_frames > WHOLE_FRAMES:
        return decode_blocks(image, voice, quality=quality, seed=seed, circular=circular)
    return voice(
        image.to_mel()[None],
        image.params,
        n_samples=image.n_samples,
        seed=seed,
        circular=circular,
        quality=quality,
    )[0]


def decode_blocks(
    image: SpectrogramImage,
    voice: Vocoder,
    *,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
    block_frames: int = BLOCK_FRAMES,
) -> Float[Tensor, "channel sample"]:
    """`decode` in blocks: each goes on from the last one's sound, and passes into it by a fade.

    A loop's last block reaches over its end, and meets the sound that is already there.
    """
    waveform = torch.zeros(image.params.planes.n_channels, image.n_samples)
    n_frames = image.n_frames + (KNOWN_FRAMES if circular else 0)
    step = block_frames - KNOWN_FRAMES - END_FRAMES
    for first in range(0, max(1, n_frames - KNOWN_FRAMES - END_FRAMES), step):
        last = min(first + block_frames, n_frames)
        ends = {}
        if first > 0:
            ends["before"] = _sound(waveform, image, first, first + KNOWN_FRAMES)
            if circular and last == n_frames:
                ends["after"] = _sound(waveform, image, 0, KNOWN_FRAMES)
        block = _decode_columns(image, first, last, voice, ends, quality=quality, seed=seed)
        _lay(waveform, block, image, first, last, fade_in=first > 0, fade_out="after" in ends)
    return waveform


def _decode_columns(
    image: SpectrogramImage,
    first: int,
    last: int,
    voice: Vocoder,
    ends: dict[str, Float[Tensor, "channel _known_sample"]],
    *,
    quality: Quality,
    seed: int,
) -> Float[Tensor, "channel block_sample"]:
    columns = np.arange(first, last) % image.n_frames
    max_value = DEFAULT_MAX_VALUE if image.max_value is None else image.max_value
    mel = pixels_to_mel(image.pixels[:, columns], image.params, max_value=max_value)[None]
    n_samples = _sample_of(image, last) - _sample_of(image, first)
    if ends and isinstance(voice, ContinuingVocoder):
        known = {end: sound[None] for end, sound in ends.items()}
        return voice.continue_from(
            mel, image.params, n_samples=n_samples, seed=seed, quality=quality, **known
        )[0]
    return voice(mel, image.params, n_samples=n_samples, seed=seed, quality=quality)[0]


def _sample_of(image: SpectrogramImage, column: int) -> int:
    """The sample on which a column is centred; columns go on counting round a loop."""
    return round(column * image.n_samples / image.n_frames)


def _sound(
    waveform: Float[Tensor, "channel sample"], image: SpectrogramImage, first: int, last: int
) -> Float[Tensor, "channel _known_sample"]:
    return waveform[:, _sample_of(image, first) : _sample_of(image, last)].clone()


def _lay(
    waveform: Float[Tensor, "channel sample"],
    block: Float[Tensor, "channel block_sample"],
    image: SpectrogramImage,
    first: int,
    last: int,
    *,
    fade_in: bool,
    fade_out: bool,
) -> None:
    """Lay a block over the waveform, round its end if need be.

    It fades in over the last of its known frames, which it repeats as they were; so the two are
    in step, and weights that sum to 1 keep the level.
    """
    start = _sample_of(image, first)
    weight = torch.ones(block.shape[-1])
    if fade_in:
        begin = _sample_of(image, first + KNOWN_FRAMES - FADE_FRAMES) - start
        end = _sample_of(image, first + KNOWN_FRAMES) - start
        weight[:begin] = 0
        weight[begin:end] = _rise(end - begin)
    if fade_out:
        begin = _sample_of(image, last - KNOWN_FRAMES + FADE_FRAMES) - start
        end = _sample_of(image, last - KNOWN_FRAMES + 2 * FADE_FRAMES) - start
        weight[begin:end] = _rise(end - begin).flip(0)
        weight[end:] = 0
    place = torch.arange(start, start + block.shape[-1]) % image.n_samples
    there = waveform[:, place]
    waveform[:, place] = there + weight * (block - there)


def _rise(n_samples: int) -> Float[Tensor, " sample"]:
    return torch.sin(torch.linspace(0, torch.pi / 2, n_samples)).square()
