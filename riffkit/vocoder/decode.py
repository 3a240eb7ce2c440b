"""Decodes a spectrogram image of any length to a waveform of exactly its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from riffkit.audio.crossfade import raised_cosine
from riffkit.audio.resampling import resample
from riffkit.device import pick_device
from riffkit.errors import ParameterError
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.pixels import DEFAULT_MAX_VALUE, pixels_to_mel
from riffkit.vocoder.base import InpaintingVocoder, KnownSound, Quality, Vocoder
from riffkit.vocoder.registry import DEFAULT
from riffkit.vocoder.registry import vocoder as vocoder_by_name

WHOLE_FRAMES = 4096
"""Images up to this width, 41 s at 10 ms a column, are decoded at once."""
BLOCK_FRAMES = 1024
KNOWN_FRAMES = 48  # frames that a block takes over from its predecessor and continues
END_FRAMES = 16  # of a block: decoded without knowledge of what follows, and made again
FADE_FRAMES = 16
CPU = torch.device("cpu")


def decode(
    image: SpectrogramImage,
    *,
    vocoder: str = DEFAULT,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
    device: str = "cpu",
    known: KnownPart | None = None,
) -> Float[Tensor, "channel sample"]:
    """Decode `image` to `image.n_samples` samples at `image.params.sample_rate`, full scale ±1.

    Without MAX_VALUE in the image, black is riffusion's 30e6. With `circular`, the end leads into
    the start. With `known`, only the rest is solved for; ParameterError if the vocoder doesn't
    support that. On a GPU, the image is moved there, and blocks are longer. Besides the image and
    the result, memory is that of one block.
    """
    voice = vocoder_by_name(vocoder)
    place = _place(device)
    if known is not None:
        _check_known(known, image, voice)
        known = _untransposed(known, image, circular=circular)
    if image.n_frames > WHOLE_FRAMES:
        waveform = decode_blocks(
            image,
            voice,
            quality=quality,
            seed=seed,
            circular=circular,
            block_frames=BLOCK_FRAMES if place == CPU else WHOLE_FRAMES,
            known=known,
            place=place,
        )
    else:
        waveform = _decode_part(
            image,
            range(image.n_frames),
            voice,
            known,
            quality=quality,
            seed=seed,
            circular=circular,
            place=place,
        )
    return _played(waveform, image.n_samples, circular=circular)


def _place(device: str) -> torch.device:
    """Vocoders work on CUDA or on the CPU."""
    chosen = pick_device(device)
    return chosen if chosen.type == "cuda" else CPU


def _played(
    waveform: Float[Tensor, "channel sample"], n_samples: int, *, circular: bool
) -> Float[Tensor, "channel played"]:
    """The same sound resampled to `n_samples`: faster and higher, or slower and lower."""
    n_given = waveform.shape[-1]
    if n_given == n_samples:
        return waveform
    return resample(waveform, n_given, n_samples, n_samples=n_samples, circular=circular)


def _untransposed(known: KnownPart, image: SpectrogramImage, *, circular: bool) -> KnownPart:
    sound = _played(known.waveform, image.n_untransposed_samples, circular=circular)
    return KnownPart(sound, known.is_known)


@dataclass(frozen=True, eq=False)
class KnownPart:
    """The known part of an image's sound.

    `waveform` is as long as the image's sound. `is_known` is True for the pixels whose sound is in
    `waveform`; its rows are those of the image, from the top.
    """

    waveform: Float[Tensor, "channel sample"]
    is_known: Bool[np.ndarray, "row frame"]

    def as_batch(self) -> KnownSound:
        """For one item, lowest band first."""
        cells = torch.from_numpy(np.ascontiguousarray(self.is_known[::-1]))
        return KnownSound(self.waveform[None], cells)


def _check_known(known: KnownPart, image: SpectrogramImage, voice: Vocoder) -> None:
    if not isinstance(voice, InpaintingVocoder):
        raise ParameterError(f"vocoder={voice.name!r}: can't keep known sound; use {DEFAULT!r}")
    wanted = (image.params.planes.n_channels, image.n_samples)
    if known.waveform.shape != wanted or known.is_known.shape != image.pixels.shape[:2]:
        raise ParameterError(
            f"known: {tuple(known.waveform.shape)} samples, {known.is_known.shape} pixels; "
            f"must be {wanted} and {image.pixels.shape[:2]}, as the image"
        )


def decode_blocks(
    image: SpectrogramImage,
    voice: Vocoder,
    *,
    quality: Quality = "default",
    seed: int = 0,
    circular: bool = False,
    block_frames: int = BLOCK_FRAMES,
    known: KnownPart | None = None,
    place: torch.device = CPU,
) -> Float[Tensor, "channel sample"]:
    """`decode` at the rows' own pitch, in blocks.

    Each block continues the previous one's sound, with a crossfade. A loop's last block extends
    past its end, into the sound that is already decoded.
    """
    n_samples = image.n_untransposed_samples
    waveform = torch.zeros(image.params.planes.n_channels, n_samples)
    n_frames = image.n_frames + (KNOWN_FRAMES if circular else 0)
    step = block_frames - KNOWN_FRAMES - END_FRAMES
    for first in range(0, max(1, n_frames - KNOWN_FRAMES - END_FRAMES), step):
        last = min(first + block_frames, n_frames)
        reaches_start = circular and first > 0 and last == n_frames
        block = _decode_part(
            image,
            range(first, last),
            voice,
            _known_of_block(waveform, image, range(first, last), known, reaches_start),
            quality=quality,
            seed=seed,
            circular=False,
            place=place,
        )
        _lay(waveform, block, image, first, last, fade_in=first > 0, fade_out=reaches_start)
    return waveform


def _known_of_block(
    waveform: Float[Tensor, "channel sample"],
    image: SpectrogramImage,
    columns: range,
    known: KnownPart | None,
    reaches_start: bool,
) -> KnownPart | None:
    """What was known before, and at the block's ends what other blocks have made there."""
    place = torch.arange(_sample_of(image, columns[0]), _sample_of(image, columns[-1] + 1))
    place %= image.n_untransposed_samples
    n_frames = len(columns)
    ends = [(0, KNOWN_FRAMES)] if columns[0] > 0 else []
    ends += [(n_frames - KNOWN_FRAMES, n_frames)] if reaches_start else []
    if known is None and not ends:
        return None
    sound = torch.zeros(len(waveform), len(place))
    is_known = np.zeros((image.pixels.shape[0], n_frames), np.bool_)
    if known is not None:
        sound = known.waveform[:, place]
        is_known = known.is_known[:, np.array(columns) % image.n_frames].copy()
    for begin, end in ends:
        samples = slice(
            *(
                _sample_of(image, columns[0] + k) - _sample_of(image, columns[0])
                for k in (begin, end)
            )
        )
        sound[:, samples] = waveform[:, place[samples]]
        is_known[:, begin:end] = True
    return KnownPart(sound, is_known)


def _decode_part(
    image: SpectrogramImage,
    columns: range,
    voice: Vocoder,
    known: KnownPart | None,
    *,
    quality: Quality,
    seed: int,
    circular: bool,
    place: torch.device,
) -> Float[Tensor, "channel part_sample"]:
    """The sound of some columns, which go on counting round a loop."""
    pixels = image.pixels[:, np.array(columns) % image.n_frames]
    max_value = DEFAULT_MAX_VALUE if image.max_value is None else image.max_value
    mel = pixels_to_mel(pixels, image.params, max_value=max_value)[None].to(place)
    options: _Options = {
        "n_samples": _sample_of(image, columns[-1] + 1) - _sample_of(image, columns[0]),
        "seed": seed,
        "circular": circular,
        "quality": quality,
    }
    if known is not None and isinstance(voice, InpaintingVocoder):
        return voice.inpaint(mel, image.params, known=known.as_batch(), **options)[0]
    return voice(mel, image.params, **options)[0]


class _Options(TypedDict):
    n_samples: int
    seed: int
    circular: bool
    quality: Quality


def _sample_of(image: SpectrogramImage, column: int) -> int:
    """The sample on which a column is centered; columns go on counting round a loop."""
    return round(column * image.n_untransposed_samples / image.n_frames)


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
        weight[begin:end] = raised_cosine(torch.linspace(0, 1, end - begin))
    if fade_out:
        begin = _sample_of(image, last - KNOWN_FRAMES + FADE_FRAMES) - start
        end = _sample_of(image, last - KNOWN_FRAMES + 2 * FADE_FRAMES) - start
        weight[begin:end] = raised_cosine(torch.linspace(1, 0, end - begin))
        weight[end:] = 0
    place = torch.arange(start, start + block.shape[-1]) % image.n_untransposed_samples
    there = waveform[:, place]
    waveform[:, place] = there + weight * (block - there)
