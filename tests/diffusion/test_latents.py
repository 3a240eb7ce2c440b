"""Long images through the autoencoder in parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from riffkit.diffusion import latents as coder
from riffkit.diffusion.latents import latents_to_pixels, pixels_to_latents
from riffkit.models.pipeline import Pipeline


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coder, "WHOLE_COLUMNS", 48)
    monkeypatch.setattr(coder, "PART_COLUMNS", 32)


def random_latents(columns: int) -> torch.Tensor:
    return torch.randn(1, 4, 32, columns, generator=torch.Generator().manual_seed(0))


def away_from_the_ends(image: np.ndarray) -> np.ndarray:
    return image[:, 64:-64].astype(float)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("columns", [90, 128])
def test_parts_look_like_the_whole(
    tiny: Pipeline, in_parts: None, monkeypatch, columns: int, circular: bool
) -> None:
    given = random_latents(columns)
    parts = latents_to_pixels(tiny, given, circular=circular)
    monkeypatch.setattr(coder, "WHOLE_COLUMNS", 1000)
    whole = latents_to_pixels(tiny, given, circular=circular)
    assert parts.shape == whole.shape
    apart = np.abs(parts.astype(float) - whole)
    # group norms and attention see a part instead of the whole: not the same, but no step
    assert apart.mean() < 0.15 * whole.std()
    step = np.abs(np.diff(parts.astype(float), axis=1)).mean(axis=(0, 2))
    usual = np.abs(np.diff(whole.astype(float), axis=1)).mean(axis=(0, 2))
    assert step.max() < 1.5 * usual.max()


def test_a_circular_image_s_parts_meet_over_its_seam(tiny: Pipeline, in_parts: None) -> None:
    image = latents_to_pixels(tiny, random_latents(128), circular=True).astype(float)
    step = np.abs(np.diff(image, axis=1)).mean(axis=(0, 2))
    seam = np.abs(image[:, 0] - image[:, -1]).mean()
    assert seam <= step.max()


def test_encoding_in_parts(tiny: Pipeline, in_parts: None, monkeypatch) -> None:
    pixels = latents_to_pixels(tiny, random_latents(96), circular=True)
    parts = pixels_to_latents(tiny, pixels, circular=True)
    monkeypatch.setattr(coder, "WHOLE_COLUMNS", 1000)
    whole = pixels_to_latents(tiny, pixels, circular=True)
    assert parts.shape == whole.shape
    assert (parts - whole).abs().mean() < 0.15 * whole.std()


def test_where_memory_is_short_an_image_goes_through_in_parts(
    tiny: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts fit into it; less than 16 columns with their context are never taken."""
    given, widths = random_latents(96), []
    whole = latents_to_pixels(tiny, given, circular=True)
    decode = tiny.vae.decode
    monkeypatch.setattr(
        tiny.vae, "decode", lambda x: (widths.append(x.shape[-1]), decode(x))[1], raising=False
    )
    monkeypatch.setattr("riffkit.models.compute._LARGE", 1)
    per_column = 12 * 4 * 128 * 4 * 4  # maps, channels, pixel rows, pixels to a column, bytes
    for room, widest in ((96, 96), (60, 26 + 2 * 8 + 4), (1, 16 + 2 * 8 + 4)):
        free = 2 * room * per_column
        monkeypatch.setattr("riffkit.models.memory_budget.free_bytes", lambda _, free=free: free)
        widths.clear()
        parts = latents_to_pixels(tiny, given, circular=True)
        assert parts.shape == whole.shape
        assert max(widths) == widest
    monkeypatch.undo()
    monkeypatch.setattr("riffkit.models.memory_budget.free_bytes", lambda _: 0)
    assert (latents_to_pixels(tiny, given, circular=True) == whole).all()
