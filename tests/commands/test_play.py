"""`riff play`, on a loudspeaker that writes down what it is given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cli
from riffkit.audio import files
from riffkit.music.codec import decode, encode

RATE = 44_100


class PortAudioError(Exception):
    """sounddevice's."""


class Loudspeaker:
    """A stand-in for the module sounddevice; Ctrl-C comes after `patience` blocks."""

    PortAudioError = PortAudioError

    def __init__(
        self, patience: int | None = None, *, fault: Exception | None = None, most_hz: int = 96_000
    ) -> None:
        self.patience, self.fault, self.most_hz = patience, fault, most_hz
        self.rate, self.blocks, self.is_open = 0, list[np.ndarray](), False

    def query_devices(self, kind: str) -> Any:
        if self.fault is not None:
            raise self.fault
        return {"name": kind}

    def OutputStream(self, samplerate: int, *, channels: int, dtype: str) -> Any:  # noqa: N802
        if samplerate > self.most_hz:
            raise PortAudioError("Invalid sample rate")
        self.rate = samplerate
        return self

    def __enter__(self) -> Any:
        self.is_open = True
        return self

    def __exit__(self, *error: Any) -> None:
        self.is_open = False

    def write(self, block: np.ndarray) -> None:
        assert self.is_open and block.dtype == np.float32 and block.flags["C_CONTIGUOUS"]
        if len(self.blocks) == self.patience:
            raise KeyboardInterrupt
        self.blocks.append(block.copy())

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate(self.blocks).T


@pytest.fixture
def noise(tmp_path: Path) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    waveform = 0.1 * torch.randn(2, 25_000, generator=generator)
    files.save(tmp_path / "noise.wav", waveform, RATE, subtype="FLOAT")
    return waveform


def run(
    monkeypatch: pytest.MonkeyPatch, speaker: Any, folder: Path, *words: str
) -> tuple[int, Loudspeaker]:
    monkeypatch.setitem(sys.modules, "sounddevice", speaker)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["riff", "play", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), speaker


def test_a_file_is_played_to_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, noise: torch.Tensor
) -> None:
    code, speaker = run(monkeypatch, Loudspeaker(), tmp_path, "noise.wav")
    assert (code, speaker.rate, speaker.is_open) == (0, RATE, False)
    assert np.array_equal(speaker.heard, noise.numpy())


def test_a_loop_goes_round_without_a_gap_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    noise: torch.Tensor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, speaker = run(monkeypatch, Loudspeaker(patience=20), tmp_path, "noise.wav", "--loop")
    assert (code, speaker.is_open) == (130, False)
    n_samples = speaker.heard.shape[-1]
    assert n_samples == 20 * RATE // 10
    assert np.array_equal(speaker.heard, noise.repeat(1, 4)[:, :n_samples].numpy())
    assert capsys.readouterr().err == "riff: stopped\n"


def test_an_image_is_decoded_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, noise: torch.Tensor
) -> None:
    encode(tmp_path / "noise.wav").save(tmp_path / "noise.png")
    code, speaker = run(monkeypatch, Loudspeaker(), tmp_path, "noise.png", "--quality", "preview")
    assert code == 0
    wanted = decode(tmp_path / "noise.png", quality="preview").waveform
    assert np.array_equal(speaker.heard, wanted.numpy())


@pytest.mark.parametrize(
    ("speaker", "says"),
    [
        (None, "pip install 'riffkit[play]'"),
        (Loudspeaker(fault=PortAudioError("Error querying device -1")), "no loudspeaker found"),
        (Loudspeaker(fault=OSError("PortAudio library not found")), "libportaudio2"),
        (Loudspeaker(most_hz=8_000), "Invalid sample rate"),
    ],
)
def test_what_cannot_be_played_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    noise: torch.Tensor,
    capsys: pytest.CaptureFixture[str],
    speaker: Any,
    says: str,
) -> None:
    code, _ = run(monkeypatch, speaker, tmp_path, "noise.wav")
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert says in said.err and "player" in said.err
    assert said.err.count("\n") == 1


def test_a_file_that_is_no_sound_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wav").write_text("words")
    code, speaker = run(monkeypatch, Loudspeaker(), tmp_path, "a.wav")
    assert (code, speaker.blocks) == (2, [])
    assert "is not audio" in capsys.readouterr().err
