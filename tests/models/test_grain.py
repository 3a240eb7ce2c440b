"""The grain: drawn where it was, seamless, the same each time; nothing where there was silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.diffusion.circular import circular_in_time
from riffkit.diffusion.latents import latents_to_pixels, pixels_to_latents
from riffkit.errors import ModelError
from riffkit.models.grain import FILE, Grain, GrainConfig, grain_noise, read_grain, save_grain
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND
from riffkit.spectrogram.pixels import mel_to_pixels

SMALL = GrainConfig(width=8, n_blocks=1)


@pytest.fixture(scope="module")
def mini() -> Pipeline:
    return load_pipeline("mini", device="cpu")


def rough(grain: Grain) -> Grain:
    torch.manual_seed(0)
    torch.nn.init.normal_(grain.out.weight)
    return grain.eval()


def inputs(width: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn((1, 3, 64, width), generator=generator)
    latents = torch.randn((1, 9, 4, width // 16), generator=generator)
    return image, latents, noise_of(64, width)


def noise_of(n_rows: int, n_frames: int) -> torch.Tensor:
    return grain_noise(n_rows, torch.arange(n_frames // 16), 16)


def test_a_new_one_changes_nothing() -> None:
    image, latents, noise = inputs()
    with torch.no_grad():
        assert torch.equal(Grain(SMALL)(image, latents, noise), image)


def test_noise_is_a_columns_own() -> None:
    whole = noise_of(64, 96)
    assert torch.equal(whole[..., 16:32], grain_noise(64, torch.tensor([1]), 16))
    assert not torch.equal(whole[..., 16:32], whole[..., 32:48])
    assert abs(float(noise_of(64, 512).std()) - 1) < 0.02


def test_wraps_in_time_and_does_not_read_the_cue() -> None:
    grain, (image, latents, noise) = rough(Grain(SMALL)), inputs()
    with torch.no_grad(), circular_in_time(grain):
        out = grain(image, latents, noise)
        rolled = grain(image.roll(16, -1), latents.roll(1, -1), noise.roll(16, -1))
        latents[:, 8] = 123.0
        cued = grain(image, latents, noise)
    torch.testing.assert_close(rolled, out.roll(16, -1))
    assert torch.equal(cued, out)
    assert float((out - image).abs().mean()) > 0.01


def test_kept_in_four_bits(tmp_path: Path) -> None:
    grain = rough(Grain(SMALL))
    save_grain(grain, tmp_path / "grain")
    found = read_grain(tmp_path / "grain")
    for name, weight in grain.state_dict().items():
        step = float(weight.abs().max()) / 7 if weight.ndim == 4 else 1e-3
        assert float((found.state_dict()[name] - weight).abs().max()) <= 0.51 * step, name
    assert (tmp_path / "grain" / FILE).stat().st_size < n_bytes(grain) / 3
    (tmp_path / "grain" / FILE).write_bytes(b"no weights")
    with pytest.raises(ModelError, match="copy the whole model again"):
        read_grain(tmp_path / "grain")


def n_bytes(grain: Grain) -> int:
    return sum(4 * weight.numel() for weight in grain.parameters())


def strength(pixels: np.ndarray) -> float:
    """Of what differs from one column to the next."""
    return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean())


def test_noise_keeps_its_strength_through_the_bundled_autoencoder(mini: Pipeline) -> None:
    generator = torch.Generator().manual_seed(0)
    hiss = 0.1 * torch.randn((1, 2 * FULL_BAND.sample_rate), generator=generator).repeat(2, 1)
    mel = waveform_to_mel(hiss, FULL_BAND, n_frames=256)
    image, _ = mel_to_pixels(mel, FULL_BAND)
    latents = pixels_to_latents(mini, image, circular=True)
    drawn = latents_to_pixels(mini, latents, circular=True)
    smooth = latents_to_pixels(replace(mini, grain=None), latents, circular=True)
    assert strength(smooth) < 0.25 * strength(image)
    assert 0.5 * strength(image) < strength(drawn) < 1.5 * strength(image)
    off, without = (abs(float(x.mean()) - float(image.mean())) for x in (drawn, smooth))
    assert off < without + 2
    assert np.array_equal(drawn, latents_to_pixels(mini, latents, circular=True))


def test_silence_stays_silent(mini: Pipeline) -> None:
    image = np.full((512, 128, 3), 255, np.uint8)
    latents = pixels_to_latents(mini, image, circular=True)
    assert latents_to_pixels(mini, latents, circular=True).mean() > 250
