"""A Stable Diffusion of a few thousand weights that are a formula: the same for ever.

Golden recipes name it, so they can be replayed long after the bundled weights are others.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import riffkit

if TYPE_CHECKING:
    from riffkit.music.riff import Riff

NAME = "golden"
TOKENIZER = Path(__file__).parents[2] / "riffkit" / "weights" / "mini" / "tokenizer"
_SPECTROGRAM = {"preset": "golden", "sample_rate": 22_050, "n_mels": 64, "planes": 0}
_TRAITS = {
    "english": True,
    "default_steps": 6,
    "default_guidance": 3.0,
    "default_bpm": 240.0,
    "style_bpm": {"house": 250.0, "waltz": 180.0},
    "style_modes": {"house": ["minor"]},
    "native_tonics": ["D", "Ab"],
    "minor_words": ["sad"],
    "major_words": ["happy"],
    "unpitched_words": ["drums only"],
}


def save(folder: Path) -> None:
    """The model as a folder; its weights follow from their places alone."""
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=8,
        attention_head_dim=4,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        sample_size=64,
        scaling_factor=0.5,
    )
    text = CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=49_406,
        eos_token_id=49_407,
    )
    pipeline = StableDiffusionPipeline(
        vae=filled(vae, 1),
        text_encoder=filled(CLIPTextModel(text), 2),
        tokenizer=CLIPTokenizer.from_pretrained(str(TOKENIZER)),
        unet=filled(unet, 3),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="v_prediction", timestep_spacing="trailing", steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    save_folder(pipeline, folder)
    (folder / "spectrogram.json").write_text(json.dumps(_SPECTROGRAM))
    (folder / "riffkit.json").write_text(json.dumps(_TRAITS))


def save_folder(pipeline: DiffusionPipeline, folder: Path) -> None:
    """With the bundled model's tokenizer files: transformers' own take twice as long to read."""
    pipeline.save_pretrained(folder)
    shutil.rmtree(folder / "tokenizer")
    shutil.copytree(TOKENIZER, folder / "tokenizer")


@torch.no_grad()
def filled(network: nn.Module, place: int) -> nn.Module:
    """Weights of unit gain from the fractional parts of a quadratic sequence; norms stay 1, 0."""
    for number, (name, weight) in enumerate(sorted(network.named_parameters())):
        if "norm" in name:
            continue
        index = torch.arange(weight.numel(), dtype=torch.float64) + 1
        step = math.sqrt(2) * (place + number + 1)
        values = (index * step + index * index * 1e-3 * math.sqrt(3)).remainder(1) * 2 - 1
        fan_in = weight[0].numel() if weight.ndim > 1 else 16
        weight.copy_((values * math.sqrt(3 / fan_in)).reshape(weight.shape))
    return network


@pytest.fixture(scope="session")
def golden_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder, under the name that golden recipes have for it."""
    folder = tmp_path_factory.mktemp("models") / NAME
    save(folder)
    return folder


@pytest.fixture(scope="session")
def golden_riff(golden_folder: Path) -> Riff:
    """A thirtieth of the bundled model's time a clip."""
    return riffkit.load(str(golden_folder), device="cpu")
