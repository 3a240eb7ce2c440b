"""A Stable Diffusion of a few thousand parameters, random weights; with and without a guide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from riffkit.models.pipeline import Pipeline, load_pipeline
from tests.golden.model import TOKENIZER, save_folder


def tiny_unet(in_channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )


@pytest.fixture(scope="session")
def tiny_pipeline() -> StableDiffusionPipeline:
    """Of the bundled model's layout, but thin: latents of 3 + 1 channels, stride 4."""
    torch.manual_seed(0)
    unet = tiny_unet(in_channels=4)
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        mid_block_add_attention=False,
        sample_size=128,
        scaling_factor=0.5,
    )
    config = CLIPTextConfig(
        vocab_size=49_408,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=49_406,
        eos_token_id=49_407,
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(config),
        tokenizer=CLIPTokenizer.from_pretrained(str(TOKENIZER)),
        unet=unet,
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="v_prediction", timestep_spacing="trailing", steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="session")
def tiny_folder(
    tiny_pipeline: StableDiffusionPipeline, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_folder(tiny_pipeline, folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Pipeline:
    return load_pipeline(str(tiny_folder), device="cpu")


@pytest.fixture(scope="session")
def tiny_guided_pipeline(
    tiny_pipeline: StableDiffusionPipeline,
) -> StableDiffusionInstructPix2PixPipeline:
    """The same with four more channels for a guide."""
    torch.manual_seed(1)
    parts = {**tiny_pipeline.components, "unet": tiny_unet(in_channels=8)}
    del parts["image_encoder"]
    return StableDiffusionInstructPix2PixPipeline(**parts, requires_safety_checker=False)


@pytest.fixture(scope="session")
def tiny_guided_folder(
    tiny_guided_pipeline: StableDiffusionInstructPix2PixPipeline,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-guided"
    save_folder(tiny_guided_pipeline, folder)
    (folder / "riffkit.json").write_text(json.dumps({"guided": True}))
    return folder


@pytest.fixture(scope="session")
def tiny_guided(tiny_guided_folder: Path) -> Pipeline:
    return load_pipeline(str(tiny_guided_folder), device="cpu")
