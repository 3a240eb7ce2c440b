"""The probe: what it is built to ignore, and what it tells of real renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ModelError
from riffkit.evaluation.probe import KINDS, WEIGHTS, Heard, Probe, listen, pooled_loudness


def test_where_the_loop_begins_is_no_matter() -> None:
    torch.manual_seed(0)
    network = Probe(5).eval()
    image = torch.rand(1, 3, 128, 64)
    torch.testing.assert_close(network(image), network(image.roll(16, -1)), rtol=1e-4, atol=1e-5)


def test_black_is_loud() -> None:
    pixels = np.full((512, 128, 3), 255, np.uint8)
    pixels[:4, :8, 0] = 0
    loudness = pooled_loudness(pixels)
    assert loudness.shape == (3, 128, 16)
    assert loudness[0, 0, 0] == 1 and loudness.sum() == 1


def test_ranks_within_a_kind() -> None:
    heard = Heard(
        {
            "instrument piano": 2.0,
            "instrument flute": 1.0,
            "instrument harp": -3.0,
            "style funk": 5.0,
            "style techno": 0.0,
        }
    )
    assert heard.most_likely("style") == ["funk"]
    assert heard.most_likely("instrument", 2) == ["piano", "flute"]
    assert heard.share_heard(["piano", "harp"]) == 0.5
    assert heard.share_heard(["piano"]) == 1


def test_the_bundled_one_hears_the_samples(root: Path) -> None:
    from riffkit.spectrogram.image import SpectrogramImage

    heard = {
        n: listen(SpectrogramImage.open(root / "samples" / f"{n}.png").pixels)
        for n in ("techno", "strings")
    }
    assert {kind for fact in heard["techno"].logits for kind in [fact.split()[0]]} == set(KINDS)
    assert heard["techno"].most_likely("drums") == ["yes"]
    assert heard["strings"].most_likely("drums") == ["no"]
    assert "strings" in heard["strings"].most_likely("instrument", 2)
    assert WEIGHTS.stat().st_size < 1.5e6


def test_missing_weights_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"probe\.safetensors can't be read"):
        listen(np.full((512, 128, 3), 255, np.uint8), probe=tmp_path / "probe.safetensors")
