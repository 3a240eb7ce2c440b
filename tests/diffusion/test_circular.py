"""Circular in time: what goes round comes round, and the networks are restored."""

from __future__ import annotations

import torch

from riffkit.diffusion.bar_cue import bar_cue
from riffkit.diffusion.circular import circular_in_time
from riffkit.models.pipeline import Pipeline


def text_for(pipeline: Pipeline, batch: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    width = pipeline.unet.config["cross_attention_dim"]
    return torch.randn((batch, 7, width), generator=generator)


def test_unet_rolls_with_its_input(tiny: Pipeline) -> None:
    latents = torch.randn((1, 4, 16, 32), generator=torch.Generator().manual_seed(0))
    text = text_for(tiny)
    with torch.no_grad(), circular_in_time(tiny.unet):
        output = tiny.unet(latents, 500, text).sample
        rolled = tiny.unet(latents.roll(6, dims=-1), 500, text).sample
    torch.testing.assert_close(rolled, output.roll(6, dims=-1), atol=1e-5, rtol=0)


def test_without_the_seam_the_border_shows(tiny: Pipeline) -> None:
    latents = torch.randn((1, 4, 16, 32), generator=torch.Generator().manual_seed(0))
    text = text_for(tiny)
    with torch.no_grad():
        output = tiny.unet(latents, 500, text).sample
        rolled = tiny.unet(latents.roll(6, dims=-1), 500, text).sample
    assert (rolled - output.roll(6, dims=-1)).abs().max() > 1e-3


def test_autoencoder_rolls_by_its_stride(tiny: Pipeline) -> None:
    image = torch.randn((1, 3, 64, 128), generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), circular_in_time(tiny.vae):
        latents = tiny.vae.encode(image).latent_dist.mean
        rolled = tiny.vae.encode(image.roll(3 * tiny.stride, dims=-1)).latent_dist.mean
        torch.testing.assert_close(rolled, latents.roll(3, dims=-1), atol=1e-5, rtol=0)
        decoded = tiny.vae.decode(latents).sample
        decoded_rolled = tiny.vae.decode(latents.roll(5, dims=-1)).sample
    expected = decoded.roll(5 * tiny.stride, dims=-1)
    torch.testing.assert_close(decoded_rolled, expected, atol=1e-5, rtol=0)


def test_frequency_keeps_its_borders(tiny: Pipeline) -> None:
    image = torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(2))
    with torch.no_grad(), circular_in_time(tiny.vae):
        latents = tiny.vae.encode(image).latent_dist.mean
        rolled = tiny.vae.encode(image.roll(4 * tiny.stride, dims=-2)).latent_dist.mean
    assert (rolled - latents.roll(4, dims=-2)).abs().max() > 1e-3


def test_networks_are_restored_even_after_an_error(tiny: Pipeline) -> None:
    image = torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = tiny.vae.encode(image).latent_dist.mean
        try:
            with circular_in_time(tiny.vae, tiny.unet):
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert torch.equal(tiny.vae.encode(image).latent_dist.mean, before)


def test_bar_cue_tells_every_column_of_a_phrase_apart() -> None:
    cue = bar_cue(32, 64, columns_per_bar=16)
    first, second = cue[:, :32], cue[:, 32:]
    torch.testing.assert_close(first, second, atol=1e-4, rtol=0)  # it repeats every two bars
    distance = torch.cdist(first.T, first.T) + 100 * torch.eye(32)
    assert distance.min() > 1.0
    assert abs(float(cue.square().mean()) - 1) < 1e-3
