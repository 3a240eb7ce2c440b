"""The bundled model with thin networks: its image, words and facts at a twentieth of the time.

Its weights are a formula, and what it paints is no music: for tests of what is kept, joined,
remembered and written down, which don't ask how it sounds.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from diffusers import AutoencoderKL, UNet2DConditionModel

import riffkit
from riffkit.models.locate import WEIGHTS
from tests.golden.model import filled

if TYPE_CHECKING:
    from riffkit.music.riff import Riff

_UNET, _VAE = ((8, 16), 4), ((4, 4), 2)
"""Channels of the first level and of the others, and the groups of their norms."""


def save(folder: Path) -> None:
    """The model as a folder, without distilled steps and grain."""
    networks = ("unet", "vae", "few_steps", "grain")
    shutil.copytree(WEIGHTS / "mini", folder, ignore=shutil.ignore_patterns(*networks))
    for place, (name, kind, thin) in enumerate(
        (("unet", UNet2DConditionModel, _UNET), ("vae", AutoencoderKL, _VAE))
    ):
        config = json.loads((WEIGHTS / "mini" / name / "config.json").read_text())
        filled(kind.from_config(_thinned(config, *thin)), place).save_pretrained(folder / name)


def _thinned(config: dict[str, Any], widths: tuple[int, int], groups: int) -> dict[str, Any]:
    channels = [widths[level > 0] for level, _ in enumerate(config["block_out_channels"])]
    return {**config, "block_out_channels": channels, "norm_num_groups": groups}


@pytest.fixture(scope="session")
def thin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "thin"
    save(folder)
    return folder


@pytest.fixture(scope="session")
def thin(thin_folder: Path) -> Riff:
    return riffkit.load(str(thin_folder), device="cpu")
