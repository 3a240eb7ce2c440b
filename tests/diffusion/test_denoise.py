"""The denoising loop against diffusers' own pipeline, and its inputs one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import StableDiffusionPipeline

from riffkit.diffusion.conditioning import encode_prompts, n_chunks
from riffkit.diffusion.denoise import Inpainting, SamplerConfig, Window, denoise
from riffkit.diffusion.inpainting import clean_latents, exact_prediction, noised
from riffkit.diffusion.latents import draw_noise, latents_to_pixels, pixels_to_latents
from riffkit.diffusion.predict import MOST_CELLS
from riffkit.diffusion.samplers import new_scheduler, step_options, timesteps_for
from riffkit.errors import ParameterError
from riffkit.limits import SAMPLERS
from riffkit.models.pipeline import Pipeline

STEPS, GUIDANCE = 4, 3.0


def window(
    pipeline: Pipeline, start: int, width: int, prompt: str = "piano", batch: int = 1
) -> Window:
    text, negative = encode_prompts(pipeline, [prompt, ""])[:, None].expand(-1, batch, -1, -1)
    return Window(start, width, text, negative)


def noise_of(seed: int, columns: int = 32, batch: int = 1) -> torch.Tensor:
    return torch.randn((batch, 4, 32, columns), generator=torch.Generator().manual_seed(seed))


def test_equals_diffusers_own_pipeline(
    tiny: Pipeline, tiny_pipeline: StableDiffusionPipeline
) -> None:
    tiny_pipeline.set_progress_bar_config(disable=True)
    noise = noise_of(0)
    theirs = tiny_pipeline(
        "piano",
        latents=noise,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        output_type="latent",
        height=128,
        width=128,
    ).images
    ours = denoise(tiny, noise, [window(tiny, 0, 32)], SamplerConfig(STEPS, GUIDANCE))
    assert (ours - theirs).abs().max() <= 1e-4


def test_a_batch_equals_its_items(tiny: Pipeline) -> None:
    noise = noise_of(1, batch=2)
    config = SamplerConfig(STEPS, GUIDANCE)
    both = denoise(tiny, noise, [window(tiny, 0, 32, batch=2)], config)
    for item in range(2):
        alone = denoise(tiny, noise[item : item + 1], [window(tiny, 0, 32)], config)
        torch.testing.assert_close(both[item : item + 1], alone, atol=1e-4, rtol=0)


def test_a_circular_loop_rolls_with_its_noise(tiny: Pipeline) -> None:
    config = SamplerConfig(STEPS, GUIDANCE, circular=True)
    noise = noise_of(2)
    output = denoise(tiny, noise, [window(tiny, 0, 32)], config)
    rolled = denoise(tiny, noise.roll(8, dims=-1), [window(tiny, 0, 32)], config)
    torch.testing.assert_close(rolled, output.roll(8, dims=-1), atol=1e-4, rtol=0)


def test_windows_with_prompts_of_their_own(tiny: Pipeline) -> None:
    """Far from the other window a column depends on its own window's prompt alone."""
    config = SamplerConfig(STEPS, GUIDANCE)
    noise = noise_of(3, columns=64)
    windows = [window(tiny, 0, 32), window(tiny, 32, 32, "drums")]
    output = denoise(tiny, noise, windows, config)
    alone = denoise(tiny, noise[..., :32], [window(tiny, 0, 32)], config)
    torch.testing.assert_close(output[..., :32], alone, atol=1e-4, rtol=0)
    same = denoise(tiny, noise, [window(tiny, 0, 32), window(tiny, 32, 32)], config)
    assert (same - output)[..., 32:].abs().max() > 1e-3


def test_a_window_past_the_end_goes_on_at_the_beginning(tiny: Pipeline) -> None:
    config = SamplerConfig(STEPS, GUIDANCE, circular=True)
    noise = noise_of(4, columns=48)
    starts = (0, 16, 32)
    output = denoise(tiny, noise, [window(tiny, s, 32) for s in starts], config)
    rolled = denoise(tiny, noise.roll(16, dims=-1), [window(tiny, s, 32) for s in starts], config)
    torch.testing.assert_close(rolled, output.roll(16, dims=-1), atol=1e-4, rtol=0)


def test_what_is_known_is_kept_and_the_rest_is_new(tiny: Pipeline) -> None:
    inpainting = noise_of(5) * 0.5
    mask = torch.ones(1, 1, 1, 32)
    mask[..., :16] = 0
    output = denoise(
        tiny,
        noise_of(6),
        [window(tiny, 0, 32)],
        SamplerConfig(STEPS, GUIDANCE),
        inpainting=Inpainting(inpainting, mask),
    )
    assert torch.equal(output[..., :16], inpainting[..., :16])
    assert (output[..., 16:] - inpainting[..., 16:]).abs().mean() > 0.05


def test_a_soft_mask_lies_between(tiny: Pipeline) -> None:
    inpainting = noise_of(5) * 0.5

    def distance(freedom: float) -> float:
        mask = torch.full((1, 1, 1, 1), freedom)
        config = SamplerConfig(10, GUIDANCE)
        out = denoise(
            tiny,
            noise_of(6),
            [window(tiny, 0, 32)],
            config,
            inpainting=Inpainting(inpainting, mask),
        )
        return float((out - inpainting).abs().mean())

    assert distance(0.0) == 0 < distance(0.3) < distance(1.0)


def test_strength_leads_from_the_clip_to_a_new_one(tiny: Pipeline) -> None:
    inpainting = Inpainting(noise_of(5) * 0.5, torch.ones(1, 1, 1, 1))
    distances = []
    for strength in (0.1, 0.5, 1.0):
        config = SamplerConfig(10, GUIDANCE, strength=strength)
        out = denoise(tiny, noise_of(6), [window(tiny, 0, 32)], config, inpainting=inpainting)
        distances.append(float((out - inpainting.latents).abs().mean()))
    assert distances == sorted(distances)
    from_noise = denoise(tiny, noise_of(6), [window(tiny, 0, 32)], SamplerConfig(10, GUIDANCE))
    assert torch.equal(out, from_noise)


def test_the_negative_prompt_works(tiny: Pipeline) -> None:
    text, none, drums = encode_prompts(tiny, ["piano", "", "loud drums"])[:, None]
    config = SamplerConfig(STEPS, GUIDANCE)
    plain = denoise(tiny, noise_of(7), [Window(0, 32, text, none)], config)
    avoided = denoise(tiny, noise_of(7), [Window(0, 32, text, drums)], config)
    assert (plain - avoided).abs().max() > 1e-3
    same = denoise(tiny, noise_of(7), [Window(0, 32, text, text)], config)
    unguided = denoise(tiny, noise_of(7), [Window(0, 32, text, none)], SamplerConfig(STEPS, 1.0))
    torch.testing.assert_close(same, unguided, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "bad", [{"steps": 0}, {"guidance": -1.0}, {"strength": 0.0}, {"strength": 1.1}]
)
def test_impossible_settings_are_refused(bad: dict[str, float]) -> None:
    name = next(iter(bad))
    with pytest.raises(ParameterError, match=name):
        SamplerConfig(**{"steps": 4, "guidance": 1.0, **bad})


def test_noise_is_the_seeds(tiny: Pipeline) -> None:
    first, again = (draw_noise(tiny, n_columns=32, seed=3) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (1, 4, 128, 32)
    assert not torch.equal(first, draw_noise(tiny, n_columns=32, seed=4))


def test_pixels_and_latents_have_the_image_s_size(tiny: Pipeline) -> None:
    latents = noise_of(8)
    pixels = latents_to_pixels(tiny, latents, circular=True)
    assert pixels.shape == (128, 128, 3)
    assert pixels_to_latents(tiny, pixels, circular=True).shape == latents.shape


def test_long_captions_are_cut_and_prompts_are_not(tiny: Pipeline) -> None:
    assert n_chunks(tiny, "piano") == 1
    assert n_chunks(tiny, "piano " * 100) == 2
    assert encode_prompts(tiny, ["piano " * 100]).shape == (1, 77, 16)


def test_windows_have_guidance_of_their_own(tiny: Pipeline) -> None:
    noise = noise_of(7, columns=64)
    text, negative = encode_prompts(tiny, ["piano", ""]).split(1)
    places = [(0, 5.0), (32, 1.0)]
    windows = [Window(start, 32, text, negative, guidance) for start, guidance in places]
    both = denoise(tiny, noise, windows, SamplerConfig(STEPS, 3.0))
    for start, guidance in places:
        part = slice(start, start + 32)
        alone = denoise(
            tiny, noise[..., part], [Window(0, 32, text, negative)], SamplerConfig(STEPS, guidance)
        )
        torch.testing.assert_close(both[..., part], alone, atol=1e-4, rtol=0)


def test_a_batch_too_large_for_memory_goes_in_parts(
    tiny: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise, config = noise_of(8, batch=3), SamplerConfig(STEPS, GUIDANCE)
    whole = denoise(tiny, noise, [window(tiny, 0, 32, batch=3)], config)
    monkeypatch.setitem(MOST_CELLS, "cpu", 32 * 32)
    parts = denoise(tiny, noise, [window(tiny, 0, 32, batch=3)], config)
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)


def test_items_that_are_still_kept_are_not_computed(tiny: Pipeline) -> None:
    """Each begins where it becomes free, as image to image of that strength does."""
    clip = noise_of(5, batch=3) * 0.5
    inpainting = Inpainting(clip, torch.tensor([0.0, 0.5, 1.0])[:, None, None, None])
    config = SamplerConfig(4, GUIDANCE, sampler="ddim")
    sizes: list[int] = []
    hook = tiny.unet.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    out = denoise(
        tiny,
        noise_of(6, batch=3),
        [window(tiny, 0, 32, batch=3)],
        replace(config, skip_kept=True),
        inpainting=inpainting,
    )
    hook.remove()
    assert sizes == [2, 2, 4, 4]  # two halves of one item, then of two
    assert torch.equal(out[0], clip[0])
    for item, strength in ((1, 0.5), (2, 1.0)):
        here = slice(item, item + 1)
        alone = denoise(
            tiny,
            noise_of(6, batch=3)[here],
            [window(tiny, 0, 32)],
            replace(config, strength=strength),
            inpainting=Inpainting(clip[here], torch.ones(1, 1, 1, 1)),
        )
        torch.testing.assert_close(out[here], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_what_an_all_knowing_network_predicts(
    tiny: Pipeline, sampler: str | None, kind: str
) -> None:
    """Denoised by it the known latents come out, whatever a network has said before."""
    if kind == "sample" and sampler in ("pndm", "euler-a"):
        pytest.skip("diffusers has it not")
    scheduler = type(tiny.scheduler).from_config(
        {**tiny.scheduler.config, "prediction_type": kind, "beta_schedule": "scaled_linear"}
    )
    scheduler = new_scheduler(scheduler, sampler)
    inpainting, noise = noise_of(5) * 0.5, noise_of(6)
    latents = noise * scheduler.init_noise_sigma
    for timestep in timesteps_for(scheduler, 8, n_run=6, device=tiny.device):
        latents = noised(scheduler, inpainting, noise, timestep)
        scaled = scheduler.scale_model_input(latents, timestep)
        said = exact_prediction(scheduler, inpainting, noise, timestep)
        clean = clean_latents(scheduler, scaled, said, timestep)
        torch.testing.assert_close(clean, inpainting, atol=0.01, rtol=0)
        step = {} if sampler is None else step_options(scheduler, [torch.Generator()])
        latents = scheduler.step(said, timestep, latents, **step).prev_sample
    torch.testing.assert_close(latents, inpainting, atol=0.08, rtol=0)
