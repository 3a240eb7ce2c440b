"""torchaudio and transformers can be imported, whatever torch and torchaudio are built for."""

from __future__ import annotations

import importlib.abc
import subprocess
import sys
import types

import pytest
import torch

from riffkit.imports import torchaudio_compat
from riffkit.imports.torchaudio_compat import prepare, torchaudio


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
    program = "import riffkit\nimport transformers.audio_utils, torchaudio\n"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


class Loading(importlib.abc.Loader):
    def __init__(self, load):
        self.exec_module = load


@pytest.fixture
def extension(monkeypatch, forgotten_torchaudio):
    """Sets what torchaudio's extension does when it is loaded."""

    def set_to(load):
        def find_spec(name, path=None, target=None):
            spec = real(name, path, target)
            if name == "torchaudio._extension":
                spec.loader = Loading(load)
            return spec

        real = torchaudio_compat.PathFinder.find_spec
        monkeypatch.setattr(
            torchaudio_compat, "PathFinder", types.SimpleNamespace(find_spec=find_spec)
        )

    return set_to


def test_a_working_extension_is_left_alone(extension):
    def load(module):
        module._IS_TORCHAUDIO_EXT_AVAILABLE = module._IS_ALIGN_AVAILABLE = False
        module._load_lib, module.fail_if_no_align = "its own", lambda function: function

    extension(load)
    assert torchaudio()._extension._load_lib == "its own"


def test_a_failing_extension_is_replaced(extension):
    """It dies half-way, as over a CPU-only torch."""

    def load(module):
        module._IS_TORCHAUDIO_EXT_AVAILABLE = True
        raise OSError("Could not load this library: libtorchaudio.so")

    extension(load)
    module = torchaudio()
    assert module._extension._IS_TORCHAUDIO_EXT_AVAILABLE is False
    assert module.functional.melscale_fbanks(9, 0.0, 8_000.0, 4, 16_000).shape == (9, 4)
    with pytest.raises(RuntimeError, match="needs torchaudio's compiled extension"):
        module.functional.forced_align(None, None)


def test_prepare_imports_nothing(root):
    program = (
        "import sys\nfrom riffkit.imports import prepare\nprepare()\nprepare()\n"
        "assert not {'torch', 'torchaudio', 'scipy', 'numba'} & set(sys.modules)\n"
        "assert sum(type(one).__name__ == '_Finder' for one in sys.meta_path) == 2\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)
