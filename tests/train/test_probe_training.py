"""Training the probe on pictures that are easily told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riffkit.errors import ParameterError
from riffkit.evaluation.probe import listen
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from train.judges.probe import ProbeTask, export_probe, probe_facts
from train.mini.loops import clip_of, write_loops

INSTRUMENTS = "piano", "flute"


def picture(kind: int, drums: bool, seed: int) -> np.ndarray:
    """A horizontal line, low or high, and vertical ones for drums; "plane row column"."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(220, 256, (3, 512, 128)).astype(np.uint8)
    first = 100 + 300 * kind + int(generator.integers(0, 8))
    pixels[:, first : first + 24] = 40
    if drums:
        at = np.arange(128) % 32 - int(generator.integers(0, 24))
        pixels[:, :, (at >= 0) & (at < 8)] = 60
    return pixels


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    clips = []
    for seed in range(80):
        kind, drums = seed % 2, seed % 4 > 1
        pixels = picture(kind, drums, seed).transpose(1, 2, 0)
        image = SpectrogramImage(pixels, FULL_BAND, grid=BeatGrid(120.0, 2))
        facts = {"instruments": [INSTRUMENTS[kind]], "drums": drums, "style": "pop"}
        clips.append(clip_of(seed, image, ["a"], facts, lufs=-16.0))
    write_loops(folder, 0, clips)
    return folder


def test_it_learns_to_hear(data: Path, tmp_path: Path) -> None:
    task = ProbeTask(data)
    assert "drums no" in task.facts and "instrument flute" in task.facts
    config = LoopConfig(
        images=640,
        batch_size=8,
        learning_rate=3e-3,
        warmup_images=40,
        ema_decay=0.9,
        device="cpu",
        log_seconds=1e9,
        checkpoint_seconds=1e9,
        precision="no",
    )
    *_, figures = fit(task, config, tmp_path / "run")
    assert figures["held_out_instrument"] == figures["held_out_drums"] == 1
    export_probe(task, tmp_path / "run" / "state.pt", tmp_path / "probe.safetensors")
    for kind, drums in ((0, True), (1, False)):
        pixels = picture(kind, drums, 1_000 + kind).transpose(1, 2, 0)
        heard = listen(pixels, probe=tmp_path / "probe.safetensors")
        assert heard.most_likely("instrument") == [INSTRUMENTS[kind]]
        assert heard.most_likely("drums") == ["yes" if drums else "no"]


def test_that_there_are_no_drums_is_a_fact() -> None:
    assert probe_facts({"instruments": ["piano"], "drums": False}) == {
        "instrument piano",
        "drums no",
    }


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="riff train render"):
        ProbeTask(tmp_path)
