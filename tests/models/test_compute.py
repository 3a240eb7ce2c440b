"""How networks are held and run: what is painted is the same but for rounding."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
from riffkit.errors import ParameterError
from riffkit.models import compute as computing
from riffkit.models.compute import Compute
from riffkit.models.pipeline import Pipeline, load_pipeline


def painted(pipeline: Pipeline, *, circular: bool = False) -> torch.Tensor:
    noise = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    text, none = encode_prompts(pipeline, ["piano", ""]).split(1)
    how = SamplerConfig(4, 3.0, circular=circular)
    return denoise(pipeline, noise, [Window(0, 8, text, none)], how)


def test_bfloat16_paints_nearly_the_same(tiny_folder: Path) -> None:
    exact = load_pipeline(str(tiny_folder), device="cpu")
    half = load_pipeline(str(tiny_folder), device="cpu", compute=Compute(dtype="bfloat16"))
    assert {p.dtype for p in half.unet.parameters()} == {torch.bfloat16}
    assert half.loading["compute"] == Compute(dtype="bfloat16")
    error = (painted(half) - painted(exact)).norm() / painted(exact).norm()
    assert 0 < error < 0.05


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_compiled_it_paints_the_same(tiny_folder: Path) -> None:
    plain = load_pipeline(str(tiny_folder), device="cpu")
    compiled = load_pipeline(str(tiny_folder), device="cpu", compute=Compute(compile=True))
    for circular in (False, True):
        ours, other = painted(plain, circular=circular), painted(compiled, circular=circular)
        assert torch.allclose(ours, other, atol=1e-4)


def test_a_model_that_always_wraps_is_not_compiled() -> None:
    pipeline = load_pipeline("mini", device="cpu", compute=Compute(compile=True))
    assert any(note.startswith("compile: ignored") for note in pipeline.notes)
    assert pipeline.unet._compiled_call_impl is None


def test_what_cannot_be_is_said_in_a_line(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ParameterError, match="must be one of auto, float32"):
        Compute(dtype="int4")
    with pytest.raises(ParameterError, match="use float32 or bfloat16"):
        load_pipeline(str(tiny_folder), device="cpu", compute=Compute(dtype="float16"))
    monkeypatch.setattr(computing.shutil, "which", lambda name: None)
    with pytest.raises(ParameterError, match=r"install g\+\+"):
        load_pipeline(str(tiny_folder), device="cpu", compute=Compute(compile=True))
