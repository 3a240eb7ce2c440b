"""Images ⇄ latents, the initial noise, and interpolation between two of either."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from riffkit.diffusion.circular import circular_in_time
from riffkit.models.finite import check_finite
from riffkit.models.grain import grain_noise
from riffkit.models.memory_budget import columns_in_memory
from riffkit.models.pipeline import Pipeline

WHOLE_COLUMNS = 128
"""Images up to this many latent columns, eight bars for mini, are coded at once if memory
allows.
"""
PART_COLUMNS = 64
_LEAST_PART_COLUMNS = 16
_CONTEXT_COLUMNS = 8
_FADE_COLUMNS = 4
_PARALLEL = 0.9995


def draw_noise(
    pipeline: Pipeline, *, n_columns: int, seed: int
) -> Float[Tensor, "1 channel latent_row column"]:
    """Unit noise for an image `n_columns` latent columns wide, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    rows = pipeline.params.n_mels // pipeline.stride
    return torch.randn((1, pipeline.latent_channels, rows, n_columns), generator=generator)


def pixels_to_latents(
    pipeline: Pipeline, pixels: UInt8[np.ndarray, "row frame 3"], *, circular: bool
) -> Float[Tensor, "1 channel latent_row column"]:
    """The autoencoder's mean for an image whose sides are multiples of `pipeline.stride`."""
    mean = guide_latents(pipeline, pixels, circular=circular)
    return mean * pipeline.vae.config["scaling_factor"]


@torch.inference_mode()
def guide_latents(
    pipeline: Pipeline, pixels: UInt8[np.ndarray, "row frame 3"], *, circular: bool
) -> Float[Tensor, "1 channel latent_row column"]:
    """The same in the autoencoder's own scale: what InstructPix2Pix gives its UNet of an image."""
    stride = pipeline.stride

    def encode(columns: Int[Tensor, " column"]) -> Float[Tensor, "channel latent_row column"]:
        frames = (columns[:, None] * stride + torch.arange(stride)).flatten()
        signal = torch.from_numpy(pixels[:, frames.numpy()]).permute(2, 0, 1)[None] / 127.5 - 1
        folded = functional.pixel_unshuffle(signal, pipeline.fold)
        coded = pipeline.vae.encode(folded.to(pipeline.device, pipeline.vae.dtype))
        mean = coded.latent_dist.mean[0].float()
        check_finite(pipeline, mean)
        return mean

    with circular_in_time(pipeline.vae, enabled=circular):
        room = columns_in_memory(pipeline, n_pixel_rows=len(pixels))
        n_columns = pixels.shape[1] // stride
        mean = _by_parts(encode, n_columns, room=room, scale=1, circular=circular)
    return mean[None]


@torch.inference_mode()
def latents_to_pixels(
    pipeline: Pipeline, latents: Float[Tensor, "1 channel latent_row column"], *, circular: bool
) -> UInt8[np.ndarray, "row frame 3"]:
    """The inverse of `pixels_to_latents`; levels are rounded and clipped.

    A model with a grain network also gets back the detail that the autoencoder loses.
    """
    stride, grain = pipeline.stride, pipeline.grain
    scaled = (latents / pipeline.vae.config["scaling_factor"]).to(pipeline.vae.dtype)
    n_rows, n_columns = latents.shape[-2] * stride, latents.shape[-1]

    def decode(columns: Int[Tensor, " column"]) -> Float[Tensor, "3 row frame"]:
        some = scaled[..., columns.to(scaled.device)]
        signal = functional.pixel_shuffle(pipeline.vae.decode(some).sample, pipeline.fold).float()
        if grain is not None:
            noise = grain_noise(n_rows, columns, stride)
            signal = grain(signal, some.float(), noise.to(signal.device))
        check_finite(pipeline, signal)
        return (signal[0] + 1).mul(127.5)

    painters = (pipeline.vae,) if grain is None else (pipeline.vae, grain)
    with circular_in_time(*painters, enabled=circular):
        room = columns_in_memory(pipeline, n_pixel_rows=n_rows)
        levels = _by_parts(
            decode, n_columns, room=room, scale=stride, circular=circular, levels=True
        )
    return levels.permute(1, 2, 0).contiguous().numpy(force=True)


def _by_parts(
    transform: Callable[[Int[Tensor, " column"]], Float[Tensor, "channel row part"]],
    n_columns: int,
    *,
    room: int,
    scale: int,
    circular: bool,
    levels: bool = False,
) -> Tensor:
    """Apply `transform`, which gives `scale` columns per latent column, to all latent columns.

    An image that is long, or has more columns than `room`, is processed in parts. Each part has
    some columns of context on either side, which are dropped, and is crossfaded into the next. With
    `levels`, the result is rounded bytes.
    """
    if n_columns <= min(WHOLE_COLUMNS, room):
        whole = transform(torch.arange(n_columns))
        return (_as_levels(whole) if levels else whole).cpu()
    fit = (room - 2 * _CONTEXT_COLUMNS - _FADE_COLUMNS) * 2 // 3  # the last is up to half wider
    width = max(_LEAST_PART_COLUMNS, min(PART_COLUMNS, fit))
    ends = [*range(width, n_columns - width // 2, width), n_columns]
    out: Tensor | None = None
    head = tail = torch.empty(0)
    rise = (torch.arange(_FADE_COLUMNS * scale) + 0.5) / (_FADE_COLUMNS * scale)
    for first, last in zip([0, *ends], ends, strict=False):
        begin, end = first - _CONTEXT_COLUMNS, last + _FADE_COLUMNS + _CONTEXT_COLUMNS
        if not circular:
            begin, end = max(0, begin), min(n_columns, end)
        part = transform(torch.arange(begin, end) % n_columns)[..., (first - begin) * scale :]
        part = part[..., : (last + _FADE_COLUMNS - first) * scale].cpu()
        if tail.numel():
            n_fade = tail.shape[-1]
            part[..., :n_fade] = torch.lerp(tail, part[..., :n_fade], rise[:n_fade])
        n_own = (last - first) * scale
        if out is None:
            dtype = torch.uint8 if levels else part.dtype
            out = torch.empty((*part.shape[:2], n_columns * scale), dtype=dtype)
            head = part[..., : _FADE_COLUMNS * scale].clone()
        own = part[..., :n_own]
        out[..., first * scale : last * scale] = _as_levels(own) if levels else own
        tail = part[..., n_own:].clone()
    assert out is not None
    if circular:
        joined = torch.lerp(tail, head, rise)
        out[..., : head.shape[-1]] = _as_levels(joined) if levels else joined
    return out


def _as_levels(signal: Float[Tensor, "3 row frame"]) -> UInt8[Tensor, "3 row frame"]:
    return signal.round().clamp(0, 255).to(torch.uint8)


def slerp(
    first: Float[Tensor, "*shape"], second: Float[Tensor, "*shape"], t: Tensor | float
) -> Float[Tensor, "*shape"]:
    """Spherical interpolation from `first` (`t` 0) to `second` (`t` 1), in float32.

    Unlike linear interpolation it keeps the norm, which noise needs (Shoemake 1985; White 2016,
    arXiv:1609.04468). `t` may vary over the tensor; the angle is that between the whole
    tensors. Nearly parallel tensors are interpolated linearly.
    """
    first, second = first.float(), second.float()
    t = torch.as_tensor(t, dtype=torch.float32, device=first.device)
    cosine = float((first * second).sum() / (first.norm() * second.norm()).clamp(min=1e-12))
    if abs(cosine) > _PARALLEL:
        return torch.lerp(first, second, t.expand_as(first))
    angle = torch.arccos(torch.tensor(cosine, device=first.device))
    return ((1 - t) * angle).sin() / angle.sin() * first + (t * angle).sin() / angle.sin() * second
