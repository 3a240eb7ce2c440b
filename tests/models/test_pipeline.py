"""Finding and loading models; what is wrong with one is said in a line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from riffkit.errors import ModelError
from riffkit.models import pipeline as pipeline_module
from riffkit.models.pipeline import Pipeline, bundled_models, find_model, load_pipeline
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_a_folder_without_riffkit_s_files_is_riffusion_v1(tiny: Pipeline) -> None:
    assert tiny.name == "tiny"
    assert tiny.params == RIFFUSION_V1
    assert tiny.traits.default_bpm == 93.75
    assert (tiny.stride, tiny.latent_channels, tiny.columns) == (4, 4, 32)


def test_a_folder_s_own_parameters_win(copy: Path) -> None:
    (copy / "spectrogram.json").write_text(json.dumps(FULL_BAND.to_dict()))
    (copy / "riffkit.json").write_text(json.dumps({"default_steps": 12}))
    loaded = load_pipeline(str(copy), device="cpu")
    assert loaded.params == FULL_BAND
    assert loaded.traits.default_steps == 12


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(copy: Path, part: str) -> None:
    shutil.rmtree(copy / part)
    with pytest.raises(ModelError, match=part):
        load_pipeline(str(copy))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_missing_or_damaged_weights_are_named(copy: Path, part: str) -> None:
    (weights,) = (copy / part).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=str(copy)) as damaged:
        load_pipeline(str(copy))
    assert "\n" not in str(damaged.value)
    weights.unlink()
    with pytest.raises(ModelError, match=part):
        load_pipeline(str(copy))


def test_a_file_and_a_wrong_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"x")
    for model in (str(tmp_path / "model.ckpt"), "nothing", str(tmp_path / "absent"), str(tmp_path)):
        with pytest.raises(ModelError, match="model="):
            load_pipeline(model)


def test_a_hub_id_comes_from_the_cache_offline(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    commit = "0" * 40
    repo = tmp_path / "models--someone--tiny"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    shutil.copytree(tiny_folder, repo / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find_model("someone/tiny").samefile(repo / "snapshots" / commit)
    with pytest.raises(ModelError, match="not in the local cache"):
        find_model("someone/absent")


def test_the_bundled_model_is_found_and_typed() -> None:
    assert "mini" in bundled_models()
    mini = load_pipeline("mini", device="cpu")
    assert mini.params == FULL_BAND
    assert mini.unet.dtype == torch.float32
    assert mini.traits.bar_cue
    assert mini.traits.style_bpm


def test_diffusers_alone_loads_the_bundled_model() -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(
        bundled_models()["mini"], dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline("piano", num_inference_steps=2, output_type="np").images[0]
    assert image.shape == (512, 512, 3)


def test_bundled_weights_stay_small() -> None:
    sizes = {
        p.relative_to(pipeline_module.WEIGHTS).parts[0]: 0
        for p in pipeline_module.WEIGHTS.rglob("*")
        if p.is_file()
    }
    for p in pipeline_module.WEIGHTS.rglob("*"):
        if p.is_file():
            sizes[p.relative_to(pipeline_module.WEIGHTS).parts[0]] += p.stat().st_size
    assert sum(sizes.values()) <= 50e6
    assert sizes.pop("separator") <= 3e6
    assert sizes.pop("transcriber") <= 1e6
    assert sizes.pop("basic_pitch") <= 0.3e6
    assert sizes.pop("probe") <= 1.2e6
    assert sum(sizes.values()) <= 39.2e6
    few_steps = pipeline_module.WEIGHTS / "mini" / "few_steps"
    assert sum(p.stat().st_size for p in few_steps.iterdir()) <= 3e6
