"""Deep features used again, and guidance for a part of the steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from diffusers import UNet2DConditionModel

from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.deep_cache import DeepCache, full_pass, shallow_pass
from riffkit.diffusion.denoise import Inpainting, SamplerConfig, Window, denoise
from riffkit.diffusion.predict import MOST_CELLS
from riffkit.errors import ParameterError
from riffkit.limits import SAMPLERS
from riffkit.models.pipeline import Pipeline

GUIDANCE = 3.0


def windows(pipeline: Pipeline, *starts: int, batch: int = 1) -> list[Window]:
    both = encode_prompts(pipeline, ["piano", ""])[:, None]
    text, none = both.expand(-1, batch, -1, -1)
    return [Window(start, 32, text, none) for start in starts or (0,)]


def noise_of(seed: int, columns: int = 32, batch: int = 1) -> torch.Tensor:
    return torch.randn((batch, 4, 32, columns), generator=torch.Generator().manual_seed(seed))


@contextmanager
def calls_of(module: torch.nn.Module) -> Iterator[list[int]]:
    """The batch size of each call."""
    sizes: list[int] = []
    hook = module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    try:
        yield sizes
    finally:
        hook.remove()


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    """Of Stable Diffusion v1's blocks, but thin."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=2,
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=4,
    ).eval()


@torch.inference_mode()
def test_the_shallow_pass_is_the_end_of_the_full_one(
    unet: UNet2DConditionModel, tiny: Pipeline
) -> None:
    for network, size in ((unet, 16), (tiny.unet, 32)):
        sample, text = torch.randn(2, 4, size, size), torch.randn(2, 77, 16)
        prediction, deep = full_pass(network, sample, torch.tensor(500), text, None)
        again = shallow_pass(network, sample, torch.tensor(500), text, None, deep=deep)
        assert torch.equal(again, prediction)
        later = shallow_pass(network, sample, torch.tensor(400), text, None, deep=deep)
        full, _ = full_pass(network, sample, torch.tensor(400), text, None)
        assert (later - full).abs().max() > 0
        assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
def test_every_pass_computed_anew_is_no_cache(tiny: Pipeline, sampler: str | None) -> None:
    """With N above the steps all deep passes but the first are saved; with 1 none, bit by bit."""
    generators = [torch.Generator().manual_seed(1)]
    plain = denoise(
        tiny,
        noise_of(1),
        windows(tiny),
        SamplerConfig(6, GUIDANCE, sampler=sampler),
        generators=generators,
    )
    apart = []
    for every in (1, 2, 100):
        remarks: list[str] = []
        config = SamplerConfig(
            6, GUIDANCE, sampler=sampler, deep_cache=every, on_remark=remarks.append
        )
        with calls_of(tiny.unet.mid_block) as deep, calls_of(tiny.unet.conv_in) as all_calls:
            out = denoise(
                tiny,
                noise_of(1),
                windows(tiny),
                config,
                generators=[torch.Generator().manual_seed(1)],
            )
        assert out.isfinite().all()
        assert len(deep) == -(-len(all_calls) // every)
        assert bool(remarks) == (every > 1)
        apart.append(float((out - plain).abs().mean()))
    assert apart[0] == 0 < apart[1]


def test_windows_batches_and_loops_have_caches_of_their_own(tiny: Pipeline) -> None:
    """Each item's result is that of itself alone."""
    config = SamplerConfig(6, GUIDANCE, circular=True, deep_cache=3)
    noise = noise_of(2, columns=64, batch=2)
    both = denoise(tiny, noise, windows(tiny, 0, 32, batch=2), config)
    for item in range(2):
        for start in (0, 32):
            part = noise[item : item + 1, ..., start : start + 32]
            alone = denoise(tiny, part, windows(tiny), config)
            found = both[item : item + 1, ..., start : start + 32]
            torch.testing.assert_close(found, alone, atol=1e-4, rtol=0)


def test_batches_in_parts_keep_their_deep_features(
    tiny: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SamplerConfig(6, GUIDANCE, deep_cache=3, guidance_interval=(0.0, 0.6))
    whole = denoise(tiny, noise_of(3, batch=3), windows(tiny, batch=3), config)
    monkeypatch.setitem(MOST_CELLS, "cpu", 32 * 32)
    parts = denoise(tiny, noise_of(3, batch=3), windows(tiny, batch=3), config)
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)


def test_what_is_known_is_kept(tiny: Pipeline) -> None:
    inpainting, mask = noise_of(5) * 0.5, torch.ones(1, 1, 1, 32)
    mask[..., :16] = 0
    config = SamplerConfig(6, GUIDANCE, deep_cache=2)
    out = denoise(tiny, noise_of(6), windows(tiny), config, inpainting=Inpainting(inpainting, mask))
    assert torch.equal(out[..., :16], inpainting[..., :16])


@torch.inference_mode()
def test_its_cost_is_measured_where_features_are_computed_anew(tiny: Pipeline) -> None:
    text, sample = torch.randn(1, 77, 16), noise_of(7)
    cache = DeepCache(tiny.unet, every=2)
    for index, timestep in enumerate((900, 800, 700, 600)):
        cache.begin_pass(index)
        cache("a", sample, torch.tensor(timestep), text)
        if index < 2:
            assert cache.change is None
    deep = [full_pass(tiny.unet, sample, torch.tensor(t), text, None)[1] for t in (900, 700)]
    change = (deep[1] - deep[0]).norm() / deep[1].norm()
    assert cache.change == pytest.approx(float(change), rel=1e-5)
    assert "2 of 4 deep passes reused" in cache.remark
    assert f"{float(change):.1%}" in cache.remark


def test_guidance_costs_nothing_outside_its_interval(tiny: Pipeline) -> None:
    def sizes(interval: tuple[float, float]) -> list[int]:
        with calls_of(tiny.unet) as found:
            config = SamplerConfig(10, GUIDANCE, guidance_interval=interval)
            denoise(tiny, noise_of(1), windows(tiny), config)
        return found

    assert sizes((0.0, 1.0)) == [2] * 10
    assert sizes((0.0, 0.6)) == [2] * 6 + [1] * 4
    assert sizes((0.2, 0.5)) == [1] * 2 + [2] * 3 + [1] * 5


def test_an_interval_of_all_steps_is_none(tiny: Pipeline) -> None:
    plain = denoise(tiny, noise_of(1), windows(tiny), SamplerConfig(6, GUIDANCE))
    config = SamplerConfig(6, GUIDANCE, guidance_interval=(0.0, 1.0))
    assert torch.equal(denoise(tiny, noise_of(1), windows(tiny), config), plain)
    config = SamplerConfig(6, GUIDANCE, guidance_interval=(0.0, 0.01))
    unguided = denoise(tiny, noise_of(1), windows(tiny), SamplerConfig(6, 1.0))
    assert torch.equal(denoise(tiny, noise_of(1), windows(tiny), config), unguided)


@pytest.mark.parametrize("interval", [(0.5, 0.5), (0.6, 0.2), (-0.1, 1.0), (0.0, 1.1)])
def test_intervals_that_are_none_are_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(ParameterError, match="guidance_interval"):
        SamplerConfig(4, 1.0, guidance_interval=interval)
    with pytest.raises(ParameterError, match="deep_cache=0"):
        SamplerConfig(4, 1.0, deep_cache=0)
