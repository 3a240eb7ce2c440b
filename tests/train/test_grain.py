"""Renders made rough, and a grain that learns to draw what was smoothed away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from train.mini.autoencoder import new_autoencoder
from train.mini.crops import CROP_COLUMNS, Crops
from train.mini.grain import GrainTask, energy_scores, export_grain
from train.mini.loops import clip_of, write_loops
from train.sounds.roughen import roughen

pytestmark = pytest.mark.slow

RATE = 44_100


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loops that are noise alone, of one strength each."""
    folder, n = tmp_path_factory.mktemp("noisy"), 32
    rng = np.random.default_rng(0)
    strengths = rng.uniform(5, 40, (n, 1, 1, 1))
    pixels = np.clip(128 + strengths * rng.standard_normal((n, 3, 512, 128)), 0, 255)
    pixels = pixels.astype(np.uint8).transpose(0, 2, 3, 1)
    grid = BeatGrid(120.0, 2)
    images = [SpectrogramImage(one, FULL_BAND, grid=grid) for one in pixels]
    write_loops(
        folder, 0, [clip_of(20 * k, one, [], {}, lufs=-16.0) for k, one in enumerate(images)]
    )
    return folder


def test_crops_wrap_and_some_are_held_out(noisy: Path) -> None:
    crops = Crops(noisy)
    assert len(crops) == 8 and len(crops.held_out()) == 24
    crop = crops.draw(torch.tensor([3]), [torch.Generator().manual_seed(5)], torch.device("cpu"))
    whole = crops.sample(8)[3][0]
    assert crop.shape == (1, 3, 512, CROP_COLUMNS)
    assert any(torch.equal(crop[0], whole.roll(-shift, -1)) for shift in range(128))


def test_the_score_is_best_for_what_is_drawn_as_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(strength: float) -> torch.Tensor:
        return strength * torch.randn((4, 3, 64, 64), generator=generator)

    truth = draw(0.2)
    scores = {s: sum(energy_scores(truth, draw(s), draw(s))) for s in (0.0, 0.1, 0.2, 0.4)}
    assert min(scores, key=lambda s: float(scores[s])) == 0.2


def test_grain_learns_the_strength_of_noise(noisy: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoopConfig(
        images=60,
        batch_size=4,
        learning_rate=4e-3,
        warmup_images=4,
        ema_decay=0.5,
        device="cpu",
        log_seconds=0.0,
        checkpoint_seconds=1e9,
    )
    task = GrainTask(Crops(noisy), new_autoencoder())
    *_, last = fit(task, config, tmp_path / "run")
    assert last["held_out_texture"] < 0.7 * last["texture_without"]
    export_grain(tmp_path / "run" / "state.pt", tmp_path / "model")
    assert (tmp_path / "model" / "grain" / "model.safetensors").stat().st_size < 0.4e6


@pytest.mark.parametrize("seed", range(6))
def test_roughened_loops_stay_loops_of_their_loudness(seed: int) -> None:
    time = torch.arange(RATE) / RATE
    loop = 0.2 * torch.sin(2 * torch.pi * 220 * time).repeat(2, 1)
    rough = roughen(loop, RATE, seed)
    assert torch.equal(rough, roughen(loop, RATE, seed))
    assert rough.shape == loop.shape and bool(rough.isfinite().all())
    assert float(rough.abs().max()) <= 1.0001
    step = (rough[:, 0] - rough[:, -1]).abs().max()
    assert float(step) <= float(rough.diff(dim=-1).abs().max()) + 1e-6
    level = 20 * torch.log10(rough.square().mean().sqrt() / loop.square().mean().sqrt())
    assert -12 < float(level) < 0.1


def test_roughening_makes_loops_rough() -> None:
    time = torch.arange(RATE) / RATE
    loop = 0.2 * torch.sin(2 * torch.pi * 220 * time).repeat(2, 1)
    highs = []
    for seed in range(6):
        power = torch.fft.rfft(roughen(loop, RATE, seed)).abs().square().mean(0)
        highs.append(float(power[1000:].sum() / power.sum()))
    assert max(highs) > 0.05
