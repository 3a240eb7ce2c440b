"""Every sampler through the one denoising loop."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel

from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import Inpainting, SamplerConfig, Window, denoise
from riffkit.diffusion.samplers import new_scheduler
from riffkit.errors import ParameterError
from riffkit.limits import SAMPLERS
from riffkit.models.pipeline import BUNDLED_DEFAULT, WEIGHTS, Pipeline

STEPS, GUIDANCE = 6, 3.0
NOISY = ("euler-a", "dpm++2m-sde", "dpm++2m-sde-karras", "lcm")

samplers = pytest.mark.parametrize("sampler", [None, *SAMPLERS])


def windows(pipeline: Pipeline, width: int = 32, *starts: int, batch: int = 1) -> list[Window]:
    text, none = (t.expand(batch, -1, -1) for t in encode_prompts(pipeline, ["piano", ""]).split(1))
    return [Window(start, width, text, none) for start in starts or (0,)]


def noise_of(seed: int, columns: int = 32, batch: int = 1) -> torch.Tensor:
    return torch.randn((batch, 4, 32, columns), generator=torch.Generator().manual_seed(seed))


def drawing(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.fixture(params=["v_prediction", "bundled", "epsilon"])
def model(tiny: Pipeline, request: pytest.FixtureRequest) -> Pipeline:
    """The tiny one, and others by the bundled model's and Stable Diffusion v1's noise schedule."""
    if request.param == "v_prediction":
        return tiny
    if request.param == "bundled":
        own = DPMSolverMultistepScheduler.from_pretrained(WEIGHTS / BUNDLED_DEFAULT / "scheduler")
        return replace(tiny, scheduler=own)
    return replace(tiny, scheduler=type(tiny.scheduler).from_config(sd_config(tiny)))


def sd_config(tiny: Pipeline) -> dict[str, Any]:
    return {
        **tiny.scheduler.config,
        "prediction_type": "epsilon",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "timestep_spacing": "leading",
    }


@samplers
def test_equals_diffusers_own_pipeline(
    model: Pipeline, tiny_pipeline: StableDiffusionPipeline, sampler: str | None
) -> None:
    parts = {**tiny_pipeline.components, "scheduler": new_scheduler(model.scheduler, sampler)}
    reference = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    reference.set_progress_bar_config(disable=True)
    noise = noise_of(0)
    theirs = reference(
        "piano",
        latents=noise,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        output_type="latent",
        height=128,
        width=128,
        generator=drawing(5)[0],
    ).images
    config = SamplerConfig(STEPS, GUIDANCE, sampler=sampler)
    ours = denoise(model, noise, windows(model), config, generators=drawing(5))
    assert ours.isfinite().all()
    # Heun's goes through the bundled schedule's noise of 20,000 in float32
    tolerance = 1e-3 if sampler == "heun" else 1e-4
    assert (ours - theirs).abs().max() <= tolerance * max(1, float(theirs.abs().max()))


@samplers
def test_an_item_is_the_same_alone_and_in_a_batch(tiny: Pipeline, sampler: str | None) -> None:
    noise, config = noise_of(1, batch=2), SamplerConfig(STEPS, GUIDANCE, sampler=sampler)
    both = denoise(tiny, noise, windows(tiny, batch=2), config, generators=drawing(1, 2))
    again = denoise(tiny, noise, windows(tiny, batch=2), config, generators=drawing(1, 2))
    assert torch.equal(both, again)
    for item in range(2):
        alone = denoise(
            tiny, noise[item : item + 1], windows(tiny), config, generators=drawing(item + 1)
        )
        torch.testing.assert_close(both[item : item + 1], alone, atol=1e-3, rtol=1e-4)
    other = denoise(tiny, noise, windows(tiny, batch=2), config, generators=drawing(3, 4))
    assert torch.equal(other, both) == (sampler not in NOISY)


@samplers
def test_what_is_known_is_kept_at_any_strength(model: Pipeline, sampler: str | None) -> None:
    inpainting, mask = noise_of(5) * 0.5, torch.ones(1, 1, 1, 32)
    mask[..., :16] = 0
    for strength in (0.3, 0.5, 1.0):
        config = SamplerConfig(STEPS, 1.0, sampler=sampler, strength=strength)
        out = denoise(
            model,
            noise_of(6),
            windows(model),
            config,
            inpainting=Inpainting(inpainting, mask),
            generators=drawing(1),
        )
        assert torch.equal(out[..., :16], inpainting[..., :16])
        assert out.isfinite().all()
        assert (out - inpainting)[..., 16:].abs().mean() > 0.01


def oracle(clean: torch.Tensor, alphas: torch.Tensor):
    """In the UNet's place: knows the clean latents, and says what noise is on them."""
    log_noise = ((1 - alphas) / alphas).sqrt().log().double()

    def forward(sample, timestep, text, timestep_cond=None):
        place = float(timestep)
        below = min(int(place), len(alphas) - 2)
        sigma = torch.lerp(log_noise[below], log_noise[below + 1], place - below).exp()
        alpha = 1 / (1 + sigma**2)
        noise = (sample.double() - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        return SimpleNamespace(sample=noise.float())

    return forward


@samplers
@pytest.mark.parametrize("strength", [0.34, 0.5, 0.84, 1.0])
def test_it_begins_and_goes_on_at_the_right_noise(
    tiny: Pipeline, sampler: str | None, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network that knows the answer each way leads to it, wherever it sets out from.

    A step too many or too few, or a wrong place in the schedule, would leave noise.
    """
    scheduler = type(tiny.scheduler).from_config(sd_config(tiny))
    clean = noise_of(3) * 0.7
    monkeypatch.setattr(tiny.unet, "forward", oracle(clean, scheduler.alphas_cumprod))
    model = replace(tiny, scheduler=scheduler)
    config = SamplerConfig(STEPS, 1.0, sampler=sampler, strength=strength)
    inpainting = Inpainting(clean, torch.ones(1, 1, 1, 1))
    out = denoise(
        model, noise_of(4), windows(tiny), config, inpainting=inpainting, generators=drawing(1)
    )
    assert (out - clean).abs().mean() < 0.05


@samplers
def test_a_loop_of_windows_rolls_with_its_noise(tiny: Pipeline, sampler: str | None) -> None:
    if sampler in NOISY:
        pytest.skip("its own noise doesn't roll")
    config = SamplerConfig(STEPS, GUIDANCE, circular=True, sampler=sampler)
    noise, places = noise_of(4, columns=48), windows(tiny, 32, 0, 16, 32)
    output = denoise(tiny, noise, places, config)
    rolled = denoise(tiny, noise.roll(16, dims=-1), places, config)
    torch.testing.assert_close(rolled, output.roll(16, dims=-1), atol=1e-3, rtol=1e-4)


@samplers
@pytest.mark.parametrize("steps", [1, 4])
def test_steps_are_counted_as_they_were_asked_for(
    tiny: Pipeline, sampler: str | None, steps: int
) -> None:
    told: list[tuple[int, int]] = []
    config = SamplerConfig(steps, 1.0, sampler=sampler)
    denoise(
        tiny,
        noise_of(1),
        windows(tiny),
        config,
        generators=drawing(1),
        on_step=lambda done, total: told.append((done, total)),
    )
    assert told == [(n + 1, steps) for n in range(steps)]


def test_unknown_samplers_and_too_many_steps_are_refused(tiny: Pipeline) -> None:
    with pytest.raises(ParameterError, match=r"sampler='dpm'.*dpm\+\+2m"):
        SamplerConfig(4, 1.0, sampler="dpm")
    with pytest.raises(ParameterError, match="steps=60: too many for this sampler"):
        denoise(tiny, noise_of(1), windows(tiny), SamplerConfig(60, 1.0, sampler="lcm"))
    for sampler in (None, *SAMPLERS):
        with pytest.raises(ParameterError, match="steps=1000: too many for this sampler"):
            denoise(tiny, noise_of(1), windows(tiny), SamplerConfig(1000, 1.0, sampler=sampler))


def test_a_network_that_knows_the_guidance_is_told_it(
    tiny: Pipeline, tiny_pipeline: StableDiffusionPipeline
) -> None:
    """A whole latent consistency model: the guidance is an input, and there is no other half."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_config({**tiny.unet.config, "time_cond_proj_dim": 8}).eval()
    model = replace(tiny, unet=unet)
    parts = {
        **tiny_pipeline.components,
        "scheduler": new_scheduler(model.scheduler, "lcm"),
        "unet": unet,
    }
    reference = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    reference.set_progress_bar_config(disable=True)
    theirs = reference(
        "piano",
        latents=noise_of(0),
        num_inference_steps=4,
        guidance_scale=5.0,
        output_type="latent",
        height=128,
        width=128,
        generator=drawing(5)[0],
    ).images
    config = SamplerConfig(4, 5.0, sampler="lcm")
    ours = denoise(model, noise_of(0), windows(model), config, generators=drawing(5))
    assert (ours - theirs).abs().max() <= 1e-4
    weaker = denoise(
        model, noise_of(0), windows(model), replace(config, guidance=2.0), generators=drawing(5)
    )
    assert (ours - weaker).abs().max() > 1e-3
