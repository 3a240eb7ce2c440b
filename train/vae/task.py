"""Training of the autoencoder on a stream of crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from riffkit.diffusion.circular import circular_in_time
from train.snapshot import keep_snapshot
from train.stream.reader import CropBatch, CropReader
from train.vae.losses import LEVELS, LossWeights, block_error, level_wobble, vae_loss
from train.vae.network import VaeConfig, add_noise, decode, encode, new_vae, pixels_to_signal


class VaeTask:
    """Reconstruction of random two-beat crops, wrapped in time as loops of their own.

    `held_out` are whole images by kind. Snapshots go to `snapshots`, the last three stay.
    """

    def __init__(
        self,
        config: VaeConfig,
        reader: CropReader,
        held_out: dict[str, list[UInt8[np.ndarray, "plane row column"]]],
        *,
        snapshots: Path,
        weights: LossWeights | None = None,
    ) -> None:
        self.vae: AutoencoderKL = new_vae(config)
        self.network: nn.Module = self.vae
        self.n_items = 1  # the reader knows what there is
        self._config, self._reader, self._held_out = config, reader, held_out
        self._snapshots, self._weights = snapshots, weights or LossWeights()

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        return [{"params": list(self.network.parameters()), "lr": learning_rate}]

    def draw(self, items: Int[Tensor, " batch"], generator: torch.Generator) -> CropBatch:
        return self._reader.draw(len(items), generator)

    def loss(self, batch: CropBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
        device = next(self.network.parameters()).device
        target = pixels_to_signal(batch.pixels.numpy(), device)
        generators = [torch.Generator().manual_seed(int(seed)) for seed in batch.seeds]
        with circular_in_time(self.vae):
            sound = encode(self.vae, target)
            noisy = add_noise(sound, self._config.latent_noise, generators)
            output = decode(self.vae, noisy)
        with torch.autocast(device.type, enabled=False):
            return vae_loss(output, target, self._weights)

    @torch.no_grad()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Errors over whole held-out images, in 8-bit levels, by kind."""
        assert isinstance(network, AutoencoderKL)
        figures = {}
        for kind, images in self._held_out.items():
            rows = [self._errors(network, image) for image in images]
            for name in rows[0] if rows else ():
                figures[f"{kind}_{name}"] = float(np.mean([row[name] for row in rows]))
        return figures

    @staticmethod
    def _errors(
        network: AutoencoderKL, pixels: UInt8[np.ndarray, "plane row column"]
    ) -> dict[str, float]:
        device = next(network.parameters()).device
        target = pixels_to_signal(pixels[None], device)
        with circular_in_time(network):
            error = decode(network, encode(network, target)).clamp(-1, 1) - target
        found = {
            "levels": error.abs().mean(),
            "levels_4x4": block_error(error),
            "wobble": level_wobble(error, target),
        }
        return {name: LEVELS * float(value) for name, value in found.items()}

    def show(self, network: nn.Module, images_seen: int) -> None:
        """Write a snapshot of the averaged weights."""
        assert isinstance(network, AutoencoderKL)
        keep_snapshot(self._snapshots, "vae", network, images_seen, self._config.to_dict())
