"""The probe: what it is built to ignore, and what it tells of real renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ModelError
from riffkit.evaluation.probe import (
    KINDS,
    WEIGHTS,
    Heard,
    Probe,
    image_for_probe,
    listen,
    load_probe,
    pooled_loudness,
)
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel_scale import mel_row_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND


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


def test_rows_of_any_preset_are_brought_to_the_same_places() -> None:
    """A tone lies in one row of the probe's input, whatever image it comes from."""
    rate, hz = 44_100, 1_000.0
    tone = 0.3 * torch.sin(2 * torch.pi * hz * torch.arange(rate) / rate).expand(2, -1)
    grid = BeatGrid(120.0, 2)
    loudest = []
    for params in (FULL_BAND, CRISP):
        image = waveform_to_image(tone.contiguous(), rate, params, grid=grid)
        pooled = pooled_loudness(image.pixels, params)
        assert pooled.shape == (3, 128, 16)
        loudest.append(int(pooled[2].mean(dim=1).argmax()))
    assert abs(loudest[0] - loudest[1]) <= 1
    row_hz = mel_row_hz(FULL_BAND)[::-1].reshape(128, 4).mean(axis=1)
    assert abs(row_hz[loudest[0]] / hz - 1) < 0.1


def test_a_loop_that_is_played_twice_is_heard_the_same() -> None:
    torch.manual_seed(1)
    network = Probe(5).eval()
    image = torch.rand(1, 3, 128, 40)  # five beats
    torch.testing.assert_close(network(image), network(image.tile(2)), rtol=1e-4, atol=1e-4)


def test_a_probe_says_what_it_wants_to_see() -> None:
    sound = torch.rand(2, 44_100) - 0.5
    image = image_for_probe(sound, 44_100, BeatGrid(120.0, 2))
    assert image.params == load_probe().params and image.n_frames == 128


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
    heard = {
        n: listen(SpectrogramImage.open(root / "samples" / f"{n}.png"))
        for n in ("techno", "strings")
    }
    assert {kind for fact in heard["techno"].logits for kind in [fact.split()[0]]} == set(KINDS)
    assert heard["techno"].most_likely("drums") == ["yes"]
    assert heard["strings"].most_likely("drums") == ["no"]
    assert "strings" in heard["strings"].most_likely("instrument", 2)
    assert WEIGHTS.stat().st_size < 1.5e6


def test_missing_weights_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"probe\.safetensors can't be read"):
        listen(
            SpectrogramImage(np.full((512, 128, 3), 255, np.uint8), FULL_BAND),
            probe=tmp_path / "probe.safetensors",
        )
