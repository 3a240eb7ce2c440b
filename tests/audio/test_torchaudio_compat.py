"""torchaudio and transformers can be imported, whatever torch and torchaudio are built for."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import types

import pytest
import torch

from riffkit.audio import torchaudio_compat
from riffkit.audio.torchaudio_compat import prepare, torchaudio


@pytest.fixture
def forgotten_torchaudio(monkeypatch):
    """sys.modules without torchaudio, restored afterwards."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        del sys.modules[name]


def test_pure_python_transforms_work():
    tone = torch.sin(2 * torch.pi * 1_000 * torch.arange(16_000) / 16_000)
    spectrogram = torchaudio().transforms.Spectrogram(n_fft=400, power=1)(tone)
    assert int(spectrogram[:, 20].argmax()) == 25  # 1 kHz in bins of 40 Hz


def test_the_module_is_one_and_the_same():
    first = torchaudio()
    prepare()
    assert torchaudio() is first is sys.modules["torchaudio"]


def test_transformers_can_be_imported_afterwards(root):
    program = (
        "from riffkit.audio.torchaudio_compat import prepare; prepare()\n"
        "import transformers.audio_utils, torchaudio\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


def test_a_working_extension_is_left_alone(forgotten_torchaudio, monkeypatch):
    real = types.ModuleType("torchaudio")
    monkeypatch.setitem(sys.modules, "torchaudio", real)
    assert torchaudio() is real
    assert "torchaudio._extension" not in sys.modules


def test_a_failing_extension_is_replaced(forgotten_torchaudio, monkeypatch):
    """The first import dies half-way, as over a CPU-only torch."""
    imported = importlib.import_module
    attempts = []

    def import_once_in_vain(name, *arguments):
        if name == "torchaudio" and not attempts:
            attempts.append(name)
            sys.modules["torchaudio"] = sys.modules["torchaudio.half"] = types.ModuleType("half")
            raise OSError("Could not load this library: libtorchaudio.so")
        return imported(name, *arguments)

    monkeypatch.setattr(torchaudio_compat.importlib, "import_module", import_once_in_vain)
    module = torchaudio()
    assert attempts
    assert module.__name__ == "torchaudio"
    assert "torchaudio.half" not in sys.modules
    assert module._extension._IS_TORCHAUDIO_EXT_AVAILABLE is False
    assert module.functional.melscale_fbanks(9, 0.0, 8_000.0, 4, 16_000).shape == (9, 4)
    with pytest.raises(RuntimeError, match="needs torchaudio's compiled extension"):
        module.functional.forced_align(None, None)


def test_without_torchaudio_prepare_does_nothing(forgotten_torchaudio, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    prepare()
    assert "torchaudio" not in sys.modules
