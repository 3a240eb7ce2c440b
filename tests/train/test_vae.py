"""The autoencoder's training on a stream: losses, resuming, snapshots, the finished folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from riffkit.diffusion.circular import circular_in_time
from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit, learning_rate_factor
from train.snapshot import dequantize, load_snapshot, quantize, save_snapshot
from train.stream.reader import CropReader
from train.stream.recipe import DrawnClip
from train.stream.ring import Ring
from train.vae.export import export_vae, read_config, write_config
from train.vae.losses import (
    LEVELS,
    LossWeights,
    block_error,
    level_wobble,
    texture_distance,
    vae_loss,
)
from train.vae.network import (
    FOLDED,
    UNFOLDED,
    VaeConfig,
    decode,
    encode,
    new_vae,
    pixels_to_signal,
    standardize,
)
from train.vae.task import VaeTask

from .test_stream import PARAMS

TINY = VaeConfig(sound_channels=4, channels=(16, 16, 16), groups=4)
CONFIG = LoopConfig(
    images=48,
    batch_size=4,
    learning_rate=2e-3,
    warmup_images=8,
    schedule="constant",
    device="cpu",
    precision="no",
    ema_decay=0.5,
    log_seconds=0.0,
    checkpoint_seconds=0.0,
    sample_images=16,
)


def _striped(number: int) -> DrawnClip:
    rng = np.random.default_rng(number)
    rows = rng.integers(60, 250, (3, 32, 1)) + rng.integers(-5, 5, (3, 32, 256))
    return DrawnClip(number, "mix", rows.astype(np.uint8), {"n_beats": 4})


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    ring = Ring(tmp_path / "cache", PARAMS)
    ring.write(0, [_striped(n) for n in range(16)])
    return ring


def _task(ring: Ring, run: Path) -> VaeTask:
    torch.manual_seed(0)
    held_out = {"mix": [_striped(n).pixels for n in range(100, 104)]}
    return VaeTask(TINY, CropReader(ring, run.name), held_out, snapshots=run / "snapshots")


def test_it_learns(ring: Ring, tmp_path: Path) -> None:
    task = _task(ring, tmp_path / "run")
    before = task.evaluate(task.network)
    *_, last = fit(task, CONFIG, tmp_path / "run")
    assert set(last) == {"images", "mix_levels", "mix_levels_4x4", "mix_wobble"}
    assert last["mix_levels"] < 0.8 * before["mix_levels"]


def test_resumed_equals_uninterrupted(ring: Ring, tmp_path: Path) -> None:
    whole, first, second = (_task(ring, tmp_path / name) for name in ("whole", "parts", "parts"))
    lines = list(fit(whole, CONFIG, tmp_path / "whole"))
    half = LoopConfig(**{**CONFIG.__dict__, "images": 24})
    parts = list(fit(first, half, tmp_path / "parts")) + list(
        fit(second, CONFIG, tmp_path / "parts")
    )
    losses, resumed = ([x["loss"] for x in found if "loss" in x] for found in (lines, parts))
    assert losses == resumed
    for one, other in zip(whole.vae.parameters(), second.vae.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("config", [FOLDED, UNFOLDED])
def test_the_shapes_are_the_denoiser_s(config: VaeConfig) -> None:
    network = new_vae(config)
    assert isinstance(network, AutoencoderKL)
    with torch.no_grad(), circular_in_time(network):
        sound = encode(network, torch.zeros(1, 3, 512, 64))
        assert sound.shape == (1, config.sound_channels, 32, 4)
        assert decode(network, sound).shape == (1, 3, 512, 64)
    assert sum(p.numel() for p in network.parameters()) < 4e6


def test_it_is_circular_in_time() -> None:
    torch.manual_seed(0)
    network = new_vae(TINY).eval()
    image = torch.rand(1, 3, 64, 96) * 2 - 1
    with torch.no_grad(), circular_in_time(network):
        plain = decode(network, encode(network, image))
        rolled = decode(network, encode(network, image.roll(32, dims=-1)))
    torch.testing.assert_close(rolled, plain.roll(32, dims=-1), atol=1e-5, rtol=0)


def test_wobble_counts_what_wavers_on_held_partials_alone() -> None:
    target = torch.ones(1, 3, 64, 128)
    target[:, :, 20] = -0.5
    too_loud, wavering, elsewhere = (torch.zeros_like(target) for _ in range(3))
    swing = 0.1 * torch.sin(torch.arange(128) * 0.7)
    too_loud[:, :, 20] = 0.1
    wavering[:, :, 20] = swing
    elsewhere[:, :, 40] = swing
    assert level_wobble(too_loud, target) < 1e-6
    assert level_wobble(elsewhere, target) < 1e-6
    assert level_wobble(wavering, target) > 0.03
    hits = target.clone()
    hits[:, :, 20, ::8] = 1.0  # nothing is held
    assert level_wobble(wavering, hits) < 0.1 * level_wobble(wavering, target)


def test_the_loss_of_a_perfect_image_is_nothing_and_its_parts_are_levels() -> None:
    target = torch.rand(2, 3, 64, 128) * 2 - 1
    loss, figures = vae_loss(target, target, LossWeights())
    assert float(loss) == pytest.approx(0, abs=1e-7)
    _, figures = vae_loss(target + 1 / LEVELS, target, LossWeights())
    assert figures["levels"] == pytest.approx(1, abs=1e-3)
    assert figures["levels_4x4"] == pytest.approx(1, abs=1e-3)
    alternating = torch.tensor([1.0, -1.0]).repeat(64).expand(2, 3, 64, 128)
    assert block_error(alternating) == 0


def test_snapshots_are_right_to_half_a_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = new_vae(TINY)
    path = tmp_path / "a.safetensors"
    save_snapshot(path, network, 1_234, TINY.to_dict())
    snapshot = load_snapshot(path)
    assert snapshot.images_seen == 1_234
    assert VaeConfig.from_dict(snapshot.config) == TINY
    for name, value in network.state_dict().items():
        error = (snapshot.weights[name] - value).abs()
        if value.ndim > 1:
            step = value.flatten(1).abs().amax(dim=1) / 95
            assert (error.flatten(1).amax(dim=1) <= 0.501 * step).all(), name
        else:
            assert error.max() <= 1e-3 * value.abs().max() + 1e-7, name
    other = new_vae(TINY)
    snapshot.load_into(other)
    image = torch.rand(1, 3, 32, 128) * 2 - 1
    with torch.no_grad():
        difference = decode(other, encode(other, image)) - decode(network, encode(network, image))
    assert difference.abs().mean() < 0.02
    with pytest.raises(ParameterError, match="another network"):
        snapshot.load_into(new_vae(FOLDED))


def test_quantized_weights_are_bytes() -> None:
    weight = torch.randn(5, 7, 3, 3)
    rounded, scale = quantize(weight)
    assert (rounded.dtype, scale.shape) == (torch.int8, (5,))
    assert (dequantize(rounded, scale) - weight).abs().max() <= 0.501 * scale.max()
    zeros, one = quantize(torch.zeros(2, 3))
    assert torch.equal(dequantize(zeros, one), torch.zeros(2, 3))


def test_snapshots_take_less_than_a_byte_a_weight(tmp_path: Path) -> None:
    network = torch.nn.Linear(1_000, 1_000)
    torch.nn.init.normal_(network.weight)
    save_snapshot(tmp_path / "a.safetensors", network, 1, {})
    assert (tmp_path / "a.safetensors").stat().st_size < 0.9 * 1_001_000


def test_what_is_no_snapshot_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_snapshot(path, torch.nn.Linear(100, 100), 1, {})
    whole = bytearray(path.read_bytes())
    whole[-4_000:-3_900] = bytes(100)
    for damaged in (b"nonsense", bytes(whole)):
        path.write_bytes(damaged)
        with pytest.raises(ParameterError, match="is not a snapshot"):
            load_snapshot(path)


def test_snapshots_are_written_and_the_last_three_stay(ring: Ring, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = LoopConfig(**{**CONFIG.__dict__, "images": 64, "sample_images": 8})
    list(fit(_task(ring, run), config, run))
    names = sorted(path.name for path in (run / "snapshots").iterdir())
    assert names == [f"vae-{n:09d}.safetensors" for n in (48, 56, 64)]


def test_a_run_from_a_snapshot_counts_on_and_warms_up(ring: Ring, tmp_path: Path) -> None:
    list(fit(_task(ring, tmp_path / "one"), CONFIG, tmp_path / "one"))
    snapshot = load_snapshot(tmp_path / "one/snapshots/vae-000000048.safetensors")
    task = _task(ring, tmp_path / "two")
    snapshot.load_into(task.network)
    config = LoopConfig(**{**CONFIG.__dict__, "images": 64, "first_image": snapshot.images_seen})
    assert learning_rate_factor(48, config) == 0.5
    assert learning_rate_factor(56, config) == 1.0
    lines = list(fit(task, config, tmp_path / "two"))
    assert [line["images"] for line in lines if "loss" in line] == [52, 56, 60, 64]


def test_a_constant_rate_falls_at_the_end_where_it_is_told_to() -> None:
    config = LoopConfig(
        images=100,
        batch_size=4,
        learning_rate=1.0,
        warmup_images=4,
        schedule="constant",
        cooldown_images=40,
    )
    assert [learning_rate_factor(n, config) for n in (0, 60, 80, 100)] == [1.0, 1.0, 0.5, 0.0]


def test_the_finished_folder_is_standardised(ring: Ring, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_config(run, TINY)
    list(fit(_task(ring, run), CONFIG, run))
    export_vae(run, ring, tmp_path / "vae")
    network = AutoencoderKL.from_pretrained(tmp_path / "vae").eval()
    images = [pixels_to_signal(_striped(n).pixels[None]) for n in range(16)]
    with torch.no_grad(), circular_in_time(network):
        sound = torch.cat([encode(network, image) for image in images])
        latents = network.encode(torch.nn.functional.pixel_unshuffle(images[0], 4)).latent_dist
    assert sound.mean(dim=(0, 2, 3)).abs().max() < 0.05
    assert (sound.std(dim=(0, 2, 3)) - 1).abs().max() < 0.05
    assert latents.mean[:, -1].abs().max() == 0
    assert latents.std[:, : TINY.sound_channels].mean() == pytest.approx(TINY.latent_noise)


def test_standardising_changes_no_image() -> None:
    torch.manual_seed(0)
    network = new_vae(TINY).eval()
    images = [torch.rand(1, 3, 32, 128) * 2 - 1 for _ in range(3)]
    with torch.no_grad(), circular_in_time(network):
        before = decode(network, encode(network, images[0]))
        standardize(network, images, TINY)
        after = decode(network, encode(network, images[0]))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_a_run_of_another_network_is_refused(tmp_path: Path) -> None:
    write_config(tmp_path, TINY)
    write_config(tmp_path, TINY)
    assert read_config(tmp_path) == TINY
    with pytest.raises(ParameterError, match="another network"):
        write_config(tmp_path, FOLDED)
    with pytest.raises(ParameterError, match="stride of 16"):
        VaeConfig(fold=2)


def test_texture_sees_missing_grain_wherever_it_lies() -> None:
    generator = torch.Generator().manual_seed(0)
    grain = 0.2 * torch.randn((1, 3, 64, 64), generator=generator)
    other = 0.2 * torch.randn((1, 3, 64, 64), generator=generator)
    smooth = torch.zeros_like(grain)
    assert texture_distance(grain, other) < 0.2 * texture_distance(grain, smooth)
