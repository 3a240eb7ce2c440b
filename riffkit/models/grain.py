"""Grain: restores the fine detail that an autoencoder smooths away.

A decoder that learned by errors alone paints the mean of what may have been there, so noise, breath
and distorted guitars come out as smooth gray. This small network sees the decoded image, the
latents and unit noise, and paints one of the images that may have been there. It learned by proper
scores of two of its own drafts, without an adversary. It lies in the model folder's `grain`; models
without one are decoded as ever.

The noise depends on the place in the image alone, so the same latents give the same pixels, and
the frames of a morph have the same grain.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float16, Int, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from riffkit.atomic import atomic_path
from riffkit.errors import ModelError

FOLDER, FILE = "grain", "model.safetensors"
N_PLANES = 3
_SEED = 0x67
_N_HEIGHT_WAVES = 4
_N_FINE = 8
_LEVELS, _SCALES = ".levels", ".scales"
_MOST = 7  # levels above 0, and as many below


@dataclass(frozen=True)
class GrainConfig:
    """Sizes of the network. `n_latents` is the number of the autoencoder's sound channels; `patch`
    the side of the trunk's cells, in pixels.
    """

    n_latents: int = 8
    width: int = 64
    n_blocks: int = 6
    patch: int = 4


class Grain(nn.Module):
    """The grain network. An untrained one changes nothing."""

    def __init__(self, config: GrainConfig | None = None) -> None:
        super().__init__()
        self.config = config or GrainConfig()
        width, cell = self.config.width, self.config.patch**2
        n_seen = 2 * N_PLANES * cell + self.config.n_latents + 2 * _N_HEIGHT_WAVES
        self.stem = nn.Conv2d(n_seen, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(self.config.n_blocks))
        self.to_fine = nn.Conv2d(width, _N_FINE * cell, 1)
        self.fine = nn.Conv2d(_N_FINE + 2 * N_PLANES, 4 * _N_FINE, 3, padding=1)
        self.out = nn.Conv2d(2 * _N_FINE, N_PLANES, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        decoded: Float[Tensor, "batch 3 row frame"],
        latents: Float[Tensor, "batch channel latent_row column"],
        noise: Float[Tensor, "batch 3 row frame"],
    ) -> Float[Tensor, "batch 3 row frame"]:
        """The image with its grain, in the scale of `decoded` (-1 black, 1 white), not clipped.

        `latents` as the decoder takes them; channels beyond `n_latents` are not read. Rows and
        frames must be multiples of the patch and of the latents' rows and columns.
        """
        patch = self.config.patch
        fine = torch.cat((decoded, noise), dim=1)
        cells = functional.pixel_unshuffle(fine, patch)
        coarse = functional.interpolate(
            latents[:, : self.config.n_latents], size=cells.shape[-2:], mode="nearest"
        )
        seen = (cells, coarse, _height_waves(cells))
        hidden = self.stem(torch.cat([x.to(decoded.dtype) for x in seen], dim=1))
        for block in self.blocks:
            hidden = block(hidden)
        hidden = functional.pixel_shuffle(self.to_fine(hidden), patch)
        value, gate = self.fine(torch.cat((hidden, fine), dim=1)).chunk(2, dim=1)
        grown: Tensor = decoded + self.out(value * gate.sigmoid())
        return grown


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1))
        self.spread = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.back = nn.Conv2d(width, width, 1)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        # by the channels of each place alone: a norm over the image would see how wide it is
        size = hidden.float().square().mean(dim=1, keepdim=True).add(1e-4).rsqrt()
        normed = (hidden * size * self.scale).to(hidden.dtype)
        value, gate = self.spread(normed).chunk(2, dim=1)
        grown: Tensor = hidden + self.back(value * gate.sigmoid())
        return grown


def _height_waves(
    cells: Float[Tensor, "batch c row column"],
) -> Float[Tensor, "batch wave row column"]:
    """How high a row lies, as waves of 1/2, 1, 2 … periods."""
    n_rows = cells.shape[-2]
    height = (torch.arange(n_rows, device=cells.device) + 0.5) / n_rows
    angles = torch.pi * height * 2 ** torch.arange(_N_HEIGHT_WAVES, device=cells.device)[:, None]
    waves = torch.cat((angles.cos(), angles.sin()))[None, :, :, None]
    return waves.expand(len(cells), -1, -1, cells.shape[-1])


def grain_noise(
    n_rows: int, columns: Int[Tensor, " column"], stride: int
) -> Float[Tensor, "1 3 row frame"]:
    """Unit noise for `stride` frames of each latent column, the same for a column each time."""
    parts = [
        torch.randn(
            (N_PLANES, n_rows, stride), generator=torch.Generator().manual_seed(_SEED + column)
        )
        for column in columns.tolist()
    ]
    return torch.cat(parts, dim=-1)[None]


def save_grain(grain: Grain, folder: Path) -> None:
    """Write FOLDER/model.safetensors, a weight in four bits: what it draws is noise anyway."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, tensor in grain.state_dict().items():
        if tensor.ndim == 4:
            tensors[f"{name}{_LEVELS}"], tensors[f"{name}{_SCALES}"] = _to_levels(tensor.cpu())
        else:
            tensors[name] = tensor.cpu().half().contiguous()
    with atomic_path(folder / FILE) as path:
        save_file(tensors, path, metadata={"config": json.dumps(asdict(grain.config))})


def _to_levels(
    weight: Float[Tensor, "out in row column"],
) -> tuple[UInt8[Tensor, "out half"], Float16[Tensor, "out 1"]]:
    """Levels from -7 to 7, two to a byte, and each output channel's step from one to the next."""
    rows = weight.float().flatten(1)
    scales = (rows.abs().amax(dim=1, keepdim=True) / _MOST).clamp(min=1e-6).half()
    levels = (rows / scales).round().clamp(-_MOST, _MOST).to(torch.int16) + _MOST
    even, odd = functional.pad(levels, (0, levels.shape[1] % 2)).unflatten(1, (-1, 2)).unbind(2)
    return (even + 16 * odd).to(torch.uint8), scales


def _from_levels(
    levels: UInt8[Tensor, "out half"], scales: Float16[Tensor, "out 1"], shape: torch.Size
) -> Float[Tensor, "out in row column"]:
    """The inverse of `_to_levels`, up to half a step."""
    rows = torch.stack((levels % 16, levels // 16), dim=2).flatten(1)[:, : shape[1:].numel()]
    return ((rows.float() - _MOST) * scales.float()).view(shape)


def _read_weight(file: Any, name: str, shape: torch.Size) -> Tensor:
    if len(shape) < 4:
        return file.get_tensor(name).float()
    return _from_levels(
        file.get_tensor(f"{name}{_LEVELS}"), file.get_tensor(f"{name}{_SCALES}"), shape
    )


def read_grain(folder: Path) -> Grain:
    """Read the network from a folder; ModelError if its file is missing or damaged."""
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            grain = Grain(GrainConfig(**json.loads(file.metadata()["config"])))
            weights = {
                name: _read_weight(file, name, tensor.shape)
                for name, tensor in grain.state_dict().items()
            }
        grain.load_state_dict(weights)
    except Exception as error:  # safetensors and JSON raise kinds of their own
        raise ModelError(
            f"{folder.name}: can't be read ({type(error).__name__}); copy the whole model again"
        ) from error
    return grain.eval().requires_grad_(False)
