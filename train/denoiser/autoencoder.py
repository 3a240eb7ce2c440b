"""The frozen autoencoder that a denoiser is trained after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float

from riffkit.atomic import atomic_path
from riffkit.device import has_bfloat16
from riffkit.diffusion.circular import circular_in_time
from riffkit.training.export import replacing
from train.denoiser.fingerprint import FINGERPRINT, fingerprint_of, hash_of
from train.denoiser.pictures import Picture
from train.snapshot import load_snapshot
from train.stream.recipe import DrawnClip
from train.vae.network import VaeConfig, encode, new_vae, pixels_to_signal, standardize

_FIRST_MEASURED = 1_000_009_000  # held out, beside those that are judged
_MEASURED = 32

Draw = Callable[[int], DrawnClip]


def frozen_folder(source: Path, cache: Path, draw: Draw) -> Path:
    """The folder of an autoencoder; a snapshot becomes one in `cache`, once.

    Its latents are standardised on the same clips, drawn by `draw`, on every machine.
    """
    if not source.is_file():
        fingerprint_of(source)
        return source
    name = hash_of(source)
    folder = cache / f"autoencoder-{name}"
    if not folder.exists():
        network = _standardized(source, draw)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder) as temporary:
            network.save_pretrained(temporary)
            (temporary / FINGERPRINT).write_text(name + "\n", encoding="utf-8")
    return folder


def copy_frozen(folder: Path, out: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """A copy that keeps its name, in fewer bits."""
    name = fingerprint_of(folder)
    network = AutoencoderKL.from_pretrained(folder, torch_dtype=dtype)
    with replacing(out) as temporary:
        network.save_pretrained(temporary)
        with atomic_path(temporary / FINGERPRINT) as path:
            path.write_text(name + "\n", encoding="utf-8")


def _standardized(snapshot: Path, draw: Draw) -> AutoencoderKL:
    stored = load_snapshot(snapshot)
    config = VaeConfig.from_dict(stored.config)
    network = new_vae(config).eval()
    stored.load_into(network)
    images = [pixels_to_signal(clip.pixels[None]) for clip in _measured(draw)]
    return standardize(network, images, config)


def _measured(draw: Draw) -> Iterator[DrawnClip]:
    return (draw(_FIRST_MEASURED + n) for n in range(_MEASURED))


class Encoder:
    """Pictures to the sound channels of their latents."""

    def __init__(self, folder: Path) -> None:
        self._network: Any = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()

    @torch.inference_mode()
    def __call__(self, picture: Picture) -> Float[torch.Tensor, "sound latent_row latent_column"]:
        enabled = has_bfloat16(torch.device("cpu"))
        with (
            circular_in_time(self._network),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled),
        ):
            return encode(self._network, pixels_to_signal(picture[None]))[0].float()
