"""Painting with a guide, against diffusers' own InstructPix2Pix pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline

from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
from riffkit.diffusion.latents import guide_latents, pixels_to_latents
from riffkit.errors import ModelError, ParameterError
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.training.tuning import Denoiser

STEPS, GUIDANCE = 4, 3.0


def window(pipeline: Pipeline, start: int = 0, width: int = 32, batch: int = 1) -> Window:
    text, negative = encode_prompts(pipeline, ["piano", ""])[:, None].expand(-1, batch, -1, -1)
    return Window(start, width, text, negative)


def noise_of(seed: int, columns: int = 32, batch: int = 1) -> torch.Tensor:
    return torch.randn((batch, 4, 32, columns), generator=torch.Generator().manual_seed(seed))


def picture(seed: int, columns: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (128, columns, 3)).astype(np.uint8)


@pytest.mark.parametrize("guidance", [1.0, GUIDANCE])
def test_equals_diffusers_own_pipeline(
    tiny_guided: Pipeline,
    tiny_guided_pipeline: StableDiffusionInstructPix2PixPipeline,
    guidance: float,
) -> None:
    """The guide is its `image`; with its `image_guidance_scale` 1 both halves see it."""
    tiny_guided_pipeline.set_progress_bar_config(disable=True)
    pixels = picture(0)
    theirs = tiny_guided_pipeline(
        "piano",
        image=torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255,
        latents=noise_of(0),
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        image_guidance_scale=1.0,
        output_type="latent",
    ).images
    guide = guide_latents(tiny_guided, pixels, circular=False)
    config = SamplerConfig(STEPS, guidance)
    ours = denoise(tiny_guided, noise_of(0), [window(tiny_guided)], config, guide=guide)
    assert (ours - theirs).abs().max() <= 1e-4
    blank = denoise(tiny_guided, noise_of(0), [window(tiny_guided)], config)
    assert (blank - theirs).abs().max() > 0.01


def test_without_a_guide_it_is_blank(tiny_guided: Pipeline) -> None:
    config = SamplerConfig(STEPS, GUIDANCE)
    zeros = torch.zeros(1, 4, 32, 32)
    left_out = denoise(tiny_guided, noise_of(1), [window(tiny_guided)], config)
    given = denoise(tiny_guided, noise_of(1), [window(tiny_guided)], config, guide=zeros)
    assert torch.equal(left_out, given)


@pytest.mark.parametrize(
    ("until", "sees"),
    [(1.0, [1, 1, 1, 1]), (0.5, [1, 1, 0, 0]), (0.2, [1, 0, 0, 0]), (0.0, [0] * 4)],
)
def test_the_first_steps_see_the_guide(
    tiny_guided: Pipeline, until: float, sees: list[int]
) -> None:
    guide = guide_latents(tiny_guided, picture(5), circular=False)
    seen = []

    def note(unet: torch.nn.Module, args: tuple[torch.Tensor, ...], kwargs: object) -> None:
        seen.append([int(torch.equal(item[4:], guide[0])) for item in args[0]])
        assert seen[-1][0] or not args[0][:, 4:].any()

    config = SamplerConfig(STEPS, GUIDANCE, guide_until=until)
    hook = tiny_guided.unet.register_forward_pre_hook(note, with_kwargs=True)
    try:
        denoise(tiny_guided, noise_of(5), [window(tiny_guided)], config, guide=guide)
    finally:
        hook.remove()
    assert seen == [[one, one] for one in sees]  # with the prompt and without


def test_a_share_of_the_steps_is_from_0_to_1() -> None:
    with pytest.raises(ParameterError, match=r"guide_until=1\.5: must be from 0 to 1"):
        SamplerConfig(STEPS, GUIDANCE, guide_until=1.5)


def test_each_item_has_a_guide_of_its_own(tiny_guided: Pipeline) -> None:
    """Tracks are painted as a batch: each as if it were alone."""
    config = SamplerConfig(STEPS, GUIDANCE)
    guides = torch.cat([guide_latents(tiny_guided, picture(n), circular=False) for n in (1, 2)])
    noise = noise_of(2, batch=2)
    both = denoise(tiny_guided, noise, [window(tiny_guided, batch=2)], config, guide=guides)
    for item in range(2):
        one = slice(item, item + 1)
        alone = denoise(tiny_guided, noise[one], [window(tiny_guided)], config, guide=guides[one])
        torch.testing.assert_close(both[one], alone, atol=1e-4, rtol=0)


def test_windows_see_their_part_of_the_guide(tiny_guided: Pipeline) -> None:
    """A loop of two windows rolls with its noise and its guide."""
    config = SamplerConfig(STEPS, GUIDANCE, circular=True)
    noise = noise_of(3, columns=48)
    guide = guide_latents(tiny_guided, picture(3, columns=192), circular=True)
    windows = [window(tiny_guided, start) for start in (0, 16, 32)]
    output = denoise(tiny_guided, noise, windows, config, guide=guide)
    rolled = denoise(tiny_guided, noise.roll(16, -1), windows, config, guide=guide.roll(16, -1))
    torch.testing.assert_close(rolled, output.roll(16, dims=-1), atol=1e-4, rtol=0)
    still = denoise(tiny_guided, noise.roll(16, -1), windows, config, guide=guide)
    assert (still - rolled).abs().max() > 0.01


def test_the_guide_is_in_the_autoencoder_s_own_scale(tiny_guided: Pipeline) -> None:
    own = guide_latents(tiny_guided, picture(4), circular=False)
    scaled = pixels_to_latents(tiny_guided, picture(4), circular=False)
    torch.testing.assert_close(scaled, own * 0.5)


def test_a_model_without_channels_takes_no_guide(tiny: Pipeline) -> None:
    with pytest.raises(ParameterError, match="has no input channels"):
        denoise(
            tiny,
            noise_of(0),
            [window(tiny)],
            SamplerConfig(STEPS, GUIDANCE),
            guide=torch.zeros(1, 4, 32, 32),
        )


def test_a_pix2pix_model_must_say_that_it_is_guided(
    tiny_guided_folder: Path, tmp_path: Path
) -> None:
    """One of pictures has learned to follow other things than scores."""
    folder = Path(shutil.copytree(tiny_guided_folder, tmp_path / "copy"))
    (folder / "riffkit.json").write_text(json.dumps({}))
    with pytest.raises(ModelError, match="pix2pix"):
        load_pipeline(str(folder), device="cpu")


def test_training_on_songs_leaves_the_guide_blank(tiny_guided: Pipeline) -> None:
    network = Denoiser(tiny_guided.unet, None)
    noisy, text = noise_of(5), encode_prompts(tiny_guided, ["piano"])
    timestep = torch.tensor([500])
    with torch.no_grad():
        blank = torch.cat((noisy, torch.zeros_like(noisy)), dim=1)
        wanted = tiny_guided.unet(blank, timestep, text).sample
        torch.testing.assert_close(network(noisy, timestep, text), wanted)
