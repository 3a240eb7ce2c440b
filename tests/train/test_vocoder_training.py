"""Training the neural vocoder on a small folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.vocoder.phase_network import load_phase_network
from train.config import LoopConfig
from train.loop import fit
from train.vocoder import VocoderTask, export_phase_network

RATE = 44_100


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Three files of plucked notes, and one that is no audio."""
    folder = tmp_path / "audio"
    folder.mkdir()
    for index, hz in enumerate((220.0, 330.0, 262.0)):
        seconds = torch.arange(2 * RATE) / RATE
        tone = sum(torch.sin(2 * torch.pi * hz * k * seconds) / k for k in range(1, 20))
        pan = torch.tensor([[1.0], [0.3 + 0.2 * index]])
        sound = 0.1 * pan * tone * torch.exp(-6 * (seconds % 0.4))
        files.save(folder / f"{index}.wav", sound, RATE)
    (folder / "broken.wav").write_text("not audio")
    return folder


def test_it_learns_what_plain_integration_gets_wrong(audio: Path, tmp_path: Path, capsys) -> None:
    task = VocoderTask(audio)
    assert "broken.wav" in capsys.readouterr().out
    assert task.n_items == 2
    config = LoopConfig(
        images=240, batch_size=4, learning_rate=4e-3, warmup_images=40, ema_decay=0.8,
        device="cpu", log_seconds=1e9, precision="no",
    )  # fmt: skip
    last = list(fit(task, config, tmp_path / "run"))[-1]
    assert last["held_out_frequency"] < 0.97 * last["uncorrected_frequency"]
    export_phase_network(tmp_path / "run" / "state.pt", tmp_path / "vocoder.safetensors")
    network = load_phase_network(tmp_path / "vocoder.safetensors")
    assert float(network.out.weight.abs().max()) > 0
    size = (tmp_path / "vocoder.safetensors").stat().st_size
    assert size < 10e6


def test_every_step_is_drawn_from_its_number_alone(audio: Path) -> None:
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        task = VocoderTask(audio)
        generator = torch.Generator().manual_seed(3)
        batch = task.draw(torch.tensor([0, 1]), generator)
        losses.append(float(task.loss(batch)[0].detach()))
    assert losses[0] == losses[1] and np.isfinite(losses[0])


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="at least 2"):
        VocoderTask(tmp_path)
