"""One model in every layout that is published: the same networks, the same image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

import riffkit
from riffkit.models.compute import Compute
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.models.weights.folder import weight_files
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1
from tests.models.layouts import LAYOUTS, Model, small_v1, write_layout


@pytest.fixture(scope="module")
def model() -> Model:
    return small_v1()


@pytest.fixture(scope="module")
def written(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("layouts")
    return {layout: write_layout(model, layout, folder) for layout in LAYOUTS}


def tensors_of(pipeline: Pipeline) -> dict[str, Tensor]:
    return {
        f"{part}.{name.removeprefix('text_model.')}": tensor
        for part in ("unet", "vae", "text_encoder")
        for name, tensor in getattr(pipeline, part).state_dict().items()
    }


def image_of(path: Path) -> np.ndarray:
    riff = riffkit.load(str(path), device="cpu")
    clip = riff.generate("techno", bars=1, bpm=180.0, steps=1, quality="preview", seed=1)
    return clip.image.pixels


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_networks(
    layout: str, dtype: torch.dtype, model: Model, written: dict[str, Path]
) -> None:
    compute = Compute(dtype=str(dtype).removeprefix("torch."))
    loaded = load_pipeline(str(written[layout]), device="cpu", compute=compute)
    found = tensors_of(loaded)
    wanted = {
        f"{part}.{name.removeprefix('text_model.')}": tensor
        for part in ("unet", "vae", "text_encoder")
        for name, tensor in model.tensors(part, dtype).items()
    }
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == dtype
        assert torch.equal(found[name], tensor), name
    assert loaded.unet.config["attention_head_dim"] == 8
    assert loaded.columns == 64
    assert loaded.stride == 8
    assert type(loaded.scheduler).__name__ == "PNDMScheduler"


@pytest.mark.slow
def test_every_layout_gives_the_same_image(written: dict[str, Path]) -> None:
    image = image_of(written["folder"])
    assert image.std() > 1
    for layout in ("safetensors-fp16", "ckpt-legacy"):
        np.testing.assert_array_equal(image_of(written[layout]), image, err_msg=layout)


def test_diffusers_reads_the_same_from_our_folder(model: Model, written: dict[str, Path]) -> None:
    """What is written here is what diffusers understands by that layout."""
    reference = StableDiffusionPipeline.from_pretrained(
        written["folder"], safety_checker=None, feature_extractor=None
    )
    for part in ("unet", "vae", "text_encoder"):
        state = getattr(reference, part).state_dict()
        for name, tensor in getattr(model, part).state_dict().items():
            assert torch.equal(state[name], tensor.to(state[name].dtype)), name


def test_names_and_fingerprints(written: dict[str, Path], tmp_path: Path) -> None:
    file = written["safetensors"]
    loaded = load_pipeline(str(file), device="cpu")
    assert loaded.name == file.name
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(file.read_bytes())
    assert load_pipeline(str(moved), device="cpu").fingerprint == loaded.fingerprint
    changed = load_file(moved)
    changed["model.diffusion_model.out.2.bias"] += 1
    save_file(changed, moved)
    assert load_pipeline(str(moved), device="cpu").fingerprint != loaded.fingerprint


def test_the_spectrograms_are_said_beside_the_file(
    written: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "some.model.safetensors"
    file.write_bytes(written["safetensors"].read_bytes())
    plain = load_pipeline(str(file), device="cpu")
    assert plain.params == RIFFUSION_V1
    (note,) = plain.notes
    assert "riffusion-v1" in note
    beside = tmp_path / "some.model.spectrogram.json"
    beside.write_text(json.dumps(FULL_BAND.to_dict()))
    told = load_pipeline(str(file), device="cpu")
    assert told.params == FULL_BAND
    assert not told.notes


def test_the_variant_that_suits_the_dtype_is_read(written: dict[str, Path]) -> None:
    """Where both are there, each is read for its dtype, unless one is asked for."""
    plain, half = "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"
    wanted = {
        (torch.float32, None): plain,
        (torch.bfloat16, None): plain,
        (torch.float16, None): half,
        (torch.float32, "fp16"): half,
        (torch.float16, "fp32"): plain,
    }
    for (dtype, variant), name in wanted.items():
        files = weight_files(written["folder-both"] / "unet", dtype, variant=variant)
        assert [file.name for file in files] == [name]


def test_weights_in_a_file_of_the_same_dtype_are_not_copied(written: dict[str, Path]) -> None:
    """Changing them changes neither the file nor another loaded model."""
    path = written["safetensors"]
    before = path.read_bytes()
    one, other = (load_pipeline(str(path), device="cpu") for _ in range(2))
    kept = other.unet.conv_out.bias.clone()
    with torch.no_grad():
        one.unet.conv_out.bias.fill_(3)
    assert torch.equal(other.unet.conv_out.bias, kept)
    assert path.read_bytes() == before


def test_a_file_says_that_it_predicts_v(written: dict[str, Path], tmp_path: Path) -> None:
    tensors = load_file(written["safetensors"])
    loaded = load_pipeline(str(written["safetensors"]), device="cpu")
    assert loaded.scheduler.config.prediction_type == "epsilon"
    save_file({**tensors, "v_pred": torch.tensor([])}, tmp_path / "v.safetensors")
    loaded = load_pipeline(str(tmp_path / "v.safetensors"), device="cpu")
    assert loaded.scheduler.config.prediction_type == "v_prediction"


def test_eight_bits_are_read(written: dict[str, Path], tmp_path: Path) -> None:
    tensors = load_file(written["safetensors"])
    name = "model.diffusion_model.out.2.weight"
    small = tensors[name].to(torch.float8_e4m3fn)
    save_file({**tensors, name: small}, tmp_path / "small.safetensors")
    loaded = load_pipeline(str(tmp_path / "small.safetensors"), device="cpu")
    assert torch.equal(loaded.unet.conv_out.weight, small.float())
