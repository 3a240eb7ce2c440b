"""A run's averaged weights as a diffusers folder, its latents brought to mean 0 and variance 1."""

from __future__ import annotations

import json
from pathlib import Path

from diffusers import AutoencoderKL

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.training.state import load_ema
from train.stream.reader import whole_clips
from train.stream.ring import Ring
from train.vae.network import VaeConfig, new_vae, pixels_to_signal, standardize

CONFIG_NAME = "vae.json"
_MEASURED = 96


def write_config(run: Path, config: VaeConfig) -> None:
    """Say what network a run trains; ParameterError where the run has another."""
    path = run / CONFIG_NAME
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(config.to_dict()) + "\n", encoding="utf-8")
    elif read_config(run) != config:
        raise ParameterError(f"run={str(run)!r}: trains another network; choose another folder")


def read_config(run: Path) -> VaeConfig:
    """The inverse of `write_config`."""
    try:
        return VaeConfig.from_dict(json.loads((run / CONFIG_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ParameterError(
            f"run={str(run)!r}: contains no autoencoder run; run `riff train vae`"
        ) from error


def export_vae(run: Path, ring: Ring, folder: Path) -> AutoencoderKL:
    """Write the autoencoder of `run` to `folder`, standardised on the ring's newest clips."""
    config = read_config(run)
    network = new_vae(config).eval()
    load_ema(network, run / "state.pt")
    images = [pixels_to_signal(pixels[None]) for pixels in whole_clips(ring, _MEASURED)]
    if not images:
        raise ParameterError(
            f"cache={str(ring.folder)!r}: contains no clips; run `riff train stream`"
        )
    standardize(network, images, config)
    network.save_pretrained(folder)
    return network
