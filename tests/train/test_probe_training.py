"""Training the probe on pictures that are easily told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.evaluation.probe import listen, load_probe, pooled_loudness
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP
from riffkit.training.config import LoopConfig
from riffkit.training.loop import fit
from train.judges.probe import ProbeTask, export_probe, probe_facts
from train.judges.probe_clips import ProbeClip

INSTRUMENTS = "piano", "flute"


def picture(kind: int, drums: bool, seed: int) -> SpectrogramImage:
    """A horizontal line, low or high, and vertical ones for drums."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(220, 256, (512, 128, 3)).astype(np.uint8)
    first = 100 + 300 * kind + int(generator.integers(0, 8))
    pixels[first : first + 24] = 40
    if drums:
        at = np.arange(128) % 32 - int(generator.integers(0, 24))
        pixels[:, (at >= 0) & (at < 8)] = 60
    return SpectrogramImage(pixels, CRISP, grid=BeatGrid(120.0, 2))


def clip(seed: int) -> ProbeClip:
    kind, drums = seed % 2, seed % 4 > 1
    loudness = pooled_loudness(picture(kind, drums, seed).pixels, CRISP)
    is_mix = seed % 3 > 0
    facts = {
        "instruments": [INSTRUMENTS[kind]],
        "drums": drums,
        "style": "pop" if is_mix else "",
        "kind": "mix" if is_mix else "alone",
    }
    return ProbeClip((255 * loudness).round().to(torch.uint8), facts)


@pytest.fixture(scope="module")
def task() -> ProbeTask:
    return ProbeTask([clip(seed) for seed in range(80)], [clip(seed) for seed in range(80, 92)])


def test_it_learns_to_hear(task: ProbeTask, tmp_path: Path) -> None:
    assert "drums no" in task.facts and "instrument flute" in task.facts
    config = LoopConfig(
        images=800,
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
    for kind in ("mix", "alone"):
        assert figures[f"held_out_{kind}_instrument"] == figures[f"held_out_{kind}_drums"] == 1
    assert "held_out_mix_style" in figures and "held_out_alone_style" not in figures
    path = tmp_path / "probe.safetensors"
    export_probe(task, tmp_path / "run" / "state.pt", path)
    assert load_probe(path).params == CRISP
    for kind, drums in ((0, True), (1, False)):
        heard = listen(picture(kind, drums, 1_000 + kind), probe=path)
        assert heard.most_likely("instrument") == [INSTRUMENTS[kind]]
        assert heard.most_likely("drums") == ["yes" if drums else "no"]
    again = ProbeTask([clip(0)], [clip(1)], begin=path)  # goes on with what it knew
    assert again.facts == task.facts


def test_a_style_is_not_asked_of_a_player_alone(task: ProbeTask) -> None:
    items = torch.arange(16)
    batch = task.draw(items, torch.Generator().manual_seed(0))
    place = task.facts.index("style pop")
    alone = [n for n in range(16) if n % 3 == 0]
    assert not batch.known[alone, place].any()
    assert batch.known[:, task.facts.index("drums yes")].all()


def test_where_another_joins_both_are_heard(task: ProbeTask) -> None:
    batch = task.draw(torch.arange(64), torch.Generator().manual_seed(0))
    flute, piano = (task.facts.index(f"instrument {name}") for name in ("flute", "piano"))
    both = batch.truth[:, flute] & batch.truth[:, piano]
    assert 0 < both.sum() < 32  # of each clip alone one is true
    assert not batch.known[both][:, task.facts.index("style pop")].any()
    drums = [task.facts.index(f"drums {said}") for said in ("yes", "no")]
    assert (batch.truth[:, drums].sum(dim=1) == 1).all()


def test_that_there_are_no_drums_is_a_fact() -> None:
    assert probe_facts({"instruments": ["piano"], "drums": False}) == {
        "instrument piano",
        "drums no",
    }


def test_clips_without_facts_are_refused() -> None:
    silent = ProbeClip(torch.zeros((3, 128, 16), dtype=torch.uint8), {"instruments": []})
    with pytest.raises(ParameterError, match="render some for the probe"):
        ProbeTask([], [silent])
