"""From one bundled model to the next: what was made with another is refused, pictures go in."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from riffkit.audio import files
from riffkit.errors import ModelError
from riffkit.models.locate import RIFF_MINI_1, bundled_models
from riffkit.models.pipeline import Pipeline
from riffkit.music.codec import encode
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from riffkit.provenance.recipe import fingerprint
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, FULL_BAND
from riffkit.vocoder.decode import decode

QUICK: dict[str, Any] = {"steps": 1, "quality": "preview", "seed": 3}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def other(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with one weight changed."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("models") / "other"))
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["conv_out.bias"] += 1
    save_file(tensors, path)
    return folder


@pytest.mark.parametrize("is_of_mini_1", [False, True])
def test_a_recipe_of_another_model_is_refused_with_both_names(
    tiny: Pipeline, other: Path, tmp_path: Path, is_of_mini_1: bool
) -> None:
    mark = RIFF_MINI_1 if is_of_mini_1 else tiny.fingerprint
    clip = Riff(replace(tiny, fingerprint=mark)).generate("techno", bars=1, **QUICK)
    clip.save(tmp_path / "a.wav")
    with pytest.raises(ModelError) as raised:
        replay(tmp_path / "a.wav", tmp_path / "b.wav", model=str(other), device="cpu")
    message = str(raised.value)
    assert "\n" not in message and not (tmp_path / "b.wav").exists()
    assert f"'tiny' ({mark}), but 'other' ({fingerprint(other)}) is loaded" in message
    assert ("`make mini-1`" in message) == is_of_mini_1


def test_so_is_an_encoded_picture_s(tiny_folder: Path, other: Path, tmp_path: Path) -> None:
    rate = 44_100
    clicks = (torch.arange(rate * 4) % (rate // 2) < 2_000) * torch.rand(rate * 4)
    files.save(tmp_path / "clicks.wav", clicks[None] - 0.5, rate)
    image = encode(tmp_path / "clicks.wav", model=str(tiny_folder), bpm=120.0)
    image.save(tmp_path / "clicks.png")
    with pytest.raises(ModelError, match=r"'tiny' .* but 'other' "):
        replay(tmp_path / "clicks.png", tmp_path / "again.png", model=str(other))


def test_a_lora_of_another_model_is_refused_with_both_names(tiny: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "metal.safetensors"
    weight = tiny.unet.conv_in.weight
    tensors = {
        "unet.conv_in.lora_A.weight": torch.zeros(1, *weight.shape[1:]),
        "unet.conv_in.lora_B.weight": torch.zeros(len(weight), 1, 1, 1),
    }

    def save(mark: str) -> None:
        recipe = {"model": {"name": "mini", "fingerprint": mark}}
        save_file(tensors, path, {"recipe": json.dumps(recipe)})

    save(tiny.fingerprint)
    assert tiny.with_loras([path]).loras
    save(RIFF_MINI_1)
    with pytest.raises(ModelError) as raised:
        tiny.with_loras([path])
    message = str(raised.value)
    assert "\n" not in message and "`make mini-1`" in message
    assert f"'mini' ({RIFF_MINI_1}), but 'tiny' ({tiny.fingerprint}) is loaded" in message


def test_pictures_of_another_preset_are_drawn_again_for_the_model(
    tiny: Pipeline, tmp_path: Path
) -> None:
    """A full-band PNG goes into a crisp model as its sound does."""
    full_band, crisp = (Riff(replace(tiny, params=params)) for params in (FULL_BAND, CRISP))
    path = tmp_path / "full-band.png"
    full_band.generate("techno", bpm=120.0, bars=1, loop=True, **QUICK).image.save(path)
    own = SpectrogramImage.open(path)
    assert own.params == FULL_BAND
    sound = decode(own, circular=True)
    made = {
        "restyle": crisp.restyle(path, "funk", strength=0.0, **QUICK),
        "edit": crisp.edit(path, "funk", time=(0.5, 1.0), **QUICK),
        "vary": crisp.vary(path, count=1, **QUICK)[0],
        "morph": crisp.morph(path, "funk", frames=2, bars=1, **QUICK),
    }
    for name, clip in made.items():
        assert clip.image.params == CRISP, name
        assert not np.array_equal(clip.image.pixels[:, : own.n_frames], own.pixels), name
    edited = made["edit"]
    assert edited.waveform.shape == sound.shape
    kept = slice(0, round(0.4 * edited.sample_rate))
    one, other = edited.waveform[:, kept], sound[:, kept]
    gain = (one * other).sum() / other.square().sum()  # what is above full scale is turned down
    assert float((one - gain * other).abs().max()) < 1e-3 * float(one.abs().max())


def test_riff_mini_1_comes_out_of_the_history(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists() or shutil.which("make") is None:
        pytest.skip("needs make and the repository's history")
    for name in ("Makefile", ".git"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(["make", "mini-1"], cwd=tmp_path, capture_output=True, text=True)
    if "hasn't the history" in done.stdout:
        pytest.skip("needs the repository's history")
    assert done.returncode == 0, done.stderr
    assert fingerprint(tmp_path / "mini-1") == RIFF_MINI_1
    if fingerprint(bundled_models()["mini"]) == RIFF_MINI_1:
        assert (tmp_path / "mini-1" / "README.md").exists()
