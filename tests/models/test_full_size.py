"""A model of Stable Diffusion's full size against diffusers' own pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models.full_size import Ours, Theirs, opened, write_full_size

pytestmark = pytest.mark.slow

COLUMNS = 16
MOST_GB = 9.0


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """2.1 GB of float16; they go at the end."""
    model = write_full_size(tmp_path_factory.mktemp("full"))
    yield model
    for file in model.glob("*/*.safetensors"):
        file.unlink()


@pytest.mark.slow
def test_latents_equal_diffusers(full_size: Path) -> None:
    asked = {
        "text_to_latents": {"columns": COLUMNS, "steps": 2},
        "latents_to_latents": {"columns": COLUMNS, "steps": 2, "strength": 0.5},
    }
    made: list[list[np.ndarray]] = []
    for kind in (Ours, Theirs):
        with opened(kind, full_size, dtype="float32") as side:
            made.append([side(wanted, **options)[1] for wanted, options in asked.items()])
            assert side.size_gb > 4
            assert side.peak_gb < MOST_GB
    for ours, theirs in zip(*made, strict=True):
        assert ours.shape == (1, 4, 64, COLUMNS)
        assert ours.std() > 0.1
        assert np.abs(ours - theirs).max() <= 1e-4
