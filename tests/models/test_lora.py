"""LoRAs in every layout, added to a copy of the model; what isn't one is said in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

import riffkit
from riffkit.diffusion.conditioning import encode_prompts
from riffkit.diffusion.denoise import SamplerConfig, Window, denoise
from riffkit.errors import ModelError, ParameterError, RiffkitError
from riffkit.models.lora import read_lora
from riffkit.models.lora_file import FILE, parse_lora
from riffkit.models.pipeline import Pipeline, load_pipeline
from riffkit.music.replay import replay
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1

QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
VALUE = "encoder.layers.0.self_attn.v_proj"
RANK = 2


@pytest.fixture
def matrices(tiny: Pipeline) -> dict[str, tuple[Tensor, Tensor]]:
    """Random down and up matrices of three layers, by part and name."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for part, name in (("unet", QUERY), ("unet", CONV), ("text_encoder", VALUE)):
        weight = getattr(tiny, part).get_submodule(_here(tiny, part, name)).weight
        down = torch.randn((RANK, *weight.shape[1:]), generator=generator)
        ones = (1,) * (weight.ndim - 2)
        up = torch.randn((len(weight), RANK, *ones), generator=generator)
        found[f"{part}.{name}"] = (down, up)
    return found


def _here(pipeline: Pipeline, part: str, name: str) -> str:
    names = dict(getattr(pipeline, part).named_modules())
    return name if name in names else f"text_model.{name}"


def published(name: str) -> str:
    return name.replace("text_encoder.encoder", "text_encoder.text_model.encoder")


def as_peft(matrices: dict[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tensors = {}
    for name, (down, up) in matrices.items():
        tensors[f"{published(name)}.lora_A.weight"] = down
        tensors[f"{published(name)}.lora_B.weight"] = up
    return tensors


def as_kohya(matrices: dict[str, tuple[Tensor, Tensor]], alpha: float) -> dict[str, Tensor]:
    tensors = {}
    for name, (down, up) in matrices.items():
        part, _, layer = published(name).partition(".")
        prefix = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part]
        flat = prefix + layer.replace(".", "_")
        tensors |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
        tensors[f"{flat}.alpha"] = torch.tensor(alpha)
    return tensors


@pytest.fixture
def run(tmp_path: Path, matrices: dict[str, tuple[Tensor, Tensor]]) -> Path:
    """The folder of a run, with its file."""
    folder = tmp_path / "metal"
    folder.mkdir()
    params = json.dumps(RIFFUSION_V1.to_dict())
    save_file(as_peft(matrices), folder / FILE, metadata={"spectrogram": params})
    return folder


def weights(pipeline: Pipeline, name: str) -> Tensor:
    part, _, layer = name.partition(".")
    found: Tensor = getattr(pipeline, part).get_submodule(_here(pipeline, part, layer)).weight
    return found


def test_the_product_is_added_to_a_copy(
    tiny: Pipeline, run: Path, matrices: dict[str, tuple[Tensor, Tensor]]
) -> None:
    before = {name: weights(tiny, name).clone() for name in matrices}
    tuned = tiny.with_loras([f"{run}:0.5"])
    for name, (down, up) in matrices.items():
        added = 0.5 * (up.flatten(1) @ down.flatten(1)).reshape(before[name].shape)
        torch.testing.assert_close(weights(tuned, name), before[name] + added)
        assert torch.equal(weights(tiny, name), before[name])
    others = [n for n, p in tiny.unet.named_parameters() if QUERY not in n and CONV not in n]
    shared = dict(tuned.unet.named_parameters())
    assert all(shared[n] is tiny.unet.get_parameter(n) for n in others)
    (said,) = tuned.loras
    assert said == {"name": "metal", "sha256": read_lora(run).sha256, "weight": 0.5}


def test_weight_0_is_the_base(tiny: Pipeline, run: Path) -> None:
    base = tiny.unet.state_dict()
    for name, weight in tiny.with_loras([(run, 0.0)]).unet.state_dict().items():
        assert torch.equal(weight, base[name])


def test_kohya_s_layout_and_alpha(
    tiny: Pipeline, run: Path, tmp_path: Path, matrices: dict[str, tuple[Tensor, Tensor]]
) -> None:
    save_file(as_kohya(matrices, alpha=1.0), tmp_path / "kohya.safetensors")
    half = tiny.with_loras([f"{run}:{1 / RANK}"])
    kohya = tiny.with_loras([tmp_path / "kohya.safetensors"])
    for name in matrices:
        torch.testing.assert_close(weights(kohya, name), weights(half, name))


def test_diffusers_own_metadata_names_alphas(
    tiny: Pipeline, run: Path, tmp_path: Path, matrices: dict[str, tuple[Tensor, Tensor]]
) -> None:
    said = {
        "unet.lora_alpha": 1.0,
        "unet.alpha_pattern": {QUERY: 2.0},
        "text_encoder.lora_alpha": 4.0,
    }
    metadata = {"lora_adapter_metadata": json.dumps(said)}
    save_file(as_peft(matrices), tmp_path / "a.safetensors", metadata=metadata)
    tuned, whole = tiny.with_loras([tmp_path / "a.safetensors"]), tiny.with_loras([run])
    for name, scale in zip(matrices, (1.0, 0.5, 2.0), strict=True):
        base = weights(tiny, name)
        torch.testing.assert_close(
            weights(tuned, name) - base, scale * (weights(whole, name) - base), atol=1e-5, rtol=0
        )


def test_two_loras_add_up(tiny: Pipeline, run: Path) -> None:
    twice = tiny.with_loras([run, f"{run}:-1"])
    assert [said["weight"] for said in twice.loras] == [1.0, -1.0]
    name = f"unet.{QUERY}"
    torch.testing.assert_close(weights(twice, name), weights(tiny, name), atol=1e-5, rtol=0)


def test_few_steps_come_on_top(run: Path, tmp_path: Path) -> None:
    mini = load_pipeline("mini", device="cpu")
    generator = torch.Generator().manual_seed(0)
    layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    size = len(mini.unet.get_submodule(layer).weight)
    down, up = (torch.randn(shape, generator=generator) for shape in ((RANK, size), (size, RANK)))
    tensors = {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
    save_file(tensors, tmp_path / "x.safetensors")
    tuned = load_pipeline("mini", device="cpu", loras=[tmp_path / "x.safetensors"])

    def few(pipeline: Pipeline) -> Tensor:
        fitted = pipeline.for_steps(n_steps=4, guided=False)
        weight: Tensor = fitted.unet.get_submodule(layer).weight
        return weight

    assert not torch.equal(few(mini), mini.unet.get_submodule(layer).weight)
    torch.testing.assert_close(few(tuned) - few(mini), up @ down, atol=1e-4, rtol=0)


def test_an_lcm_lora_paints_as_in_diffusers(
    tiny_folder: Path, matrices: dict[str, tuple[Tensor, Tensor]], tmp_path: Path
) -> None:
    """As it is published, in kohya's layout: four steps of its sampler without guidance."""
    of_unet = {name: pair for name, pair in matrices.items() if name.startswith("unet.")}
    save_file(as_kohya(of_unet, alpha=0.2), tmp_path / "lcm.safetensors")
    reference = StableDiffusionPipeline.from_pretrained(tiny_folder, safety_checker=None)
    reference.scheduler = LCMScheduler.from_config(reference.scheduler.config, clip_sample=False)
    reference.set_progress_bar_config(disable=True)
    noise = torch.randn((1, 4, 32, 32), generator=torch.Generator().manual_seed(0))

    def theirs() -> Tensor:
        images: Tensor = reference(
            "piano",
            latents=noise,
            num_inference_steps=4,
            guidance_scale=1.0,
            height=128,
            width=128,
            output_type="latent",
            generator=torch.Generator().manual_seed(5),
        ).images
        return images

    plain = theirs()
    reference.load_lora_weights(tmp_path, weight_name="lcm.safetensors")
    model = load_pipeline(
        str(tiny_folder), device="cpu", loras=[f"{tmp_path / 'lcm.safetensors'}:1"]
    )
    text, none = encode_prompts(model, ["piano", ""]).split(1)
    how = SamplerConfig(4, 1.0, sampler="lcm")
    generators = [torch.Generator().manual_seed(5)]
    ours = denoise(model, noise, [Window(0, 32, text, none)], how, generators=generators)
    assert (ours - theirs()).abs().max() <= 1e-4
    assert (ours - plain).abs().max() > 0.05


def test_a_clip_says_its_loras_and_is_replayed(
    tiny_folder: Path, run: Path, tmp_path: Path
) -> None:
    riff = riffkit.load(str(tiny_folder), device="cpu", loras=[f"{run}:0.5"])
    clip = riff.generate("drums", bars=1, steps=1, quality="preview", seed=1)
    (said,) = clip.recipe.model["loras"]
    assert (said["name"], said["weight"]) == ("metal", 0.5)
    path = tmp_path / "a.wav"
    clip.save(path)
    result = replay(path, tmp_path / "b.wav", model=str(tiny_folder), device="cpu")
    assert result.same and not result.differences
    run.rename(tmp_path / "moved")
    with pytest.raises(ParameterError, match=r"metal.*`loras`"):
        replay(path, tmp_path / "b.wav", model=str(tiny_folder), device="cpu")
    again = replay(
        path, tmp_path / "b.wav", model=str(tiny_folder), loras=[tmp_path / "moved"], device="cpu"
    )
    assert again.same


def test_path_and_weight(tmp_path: Path) -> None:
    odd = tmp_path / "take:2"
    odd.mkdir()
    assert parse_lora(str(odd)) == (odd, 1.0)
    assert parse_lora(f"{odd}:0.25") == (odd, 0.25)
    assert parse_lora("a/b.safetensors:-1") == (Path("a/b.safetensors"), -1.0)
    assert parse_lora((odd, 2.0)) == (odd, 2.0)
    for bad in ("a:1000", "a:nan", "a:inf"):
        with pytest.raises(ParameterError, match="weight"):
            parse_lora(bad)


def said_of(pipeline: Pipeline, path: Path) -> str:
    with pytest.raises(RiffkitError) as error:
        pipeline.with_loras([path])
    assert "\n" not in str(error.value)
    assert isinstance(error.value, ModelError)
    return str(error.value)


def test_what_is_no_lora_for_this_model_is_said(
    tiny: Pipeline, tiny_folder: Path, run: Path, tmp_path: Path
) -> None:
    assert "no such file" in said_of(tiny, tmp_path / "absent")
    assert "whole model" in said_of(tiny, tiny_folder)
    (weights_file,) = (tiny_folder / "unet").glob("*.safetensors")
    assert "whole model" in said_of(tiny, weights_file)
    assert "riff train lora" in said_of(tiny, tmp_path)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((run / FILE).read_bytes()[:-100])
    assert "damaged" in said_of(tiny, damaged)

    def file(tensors: dict[str, Any], **metadata: str) -> Path:
        save_file(tensors, tmp_path / "x.safetensors", metadata=metadata)
        return tmp_path / "x.safetensors"

    down, up = torch.zeros(2, 5), torch.zeros(16, 2)
    pair = {"lora_A.weight": down, "lora_B.weight": up}
    layer = f"unet.{QUERY}"
    assert "another architecture" in said_of(
        tiny, file({f"{layer}.{k}": t for k, t in pair.items()})
    )
    far = {f"unet.down_blocks.7.to_q.{k}": t for k, t in pair.items()}
    assert "no layer down_blocks.7.to_q" in said_of(tiny, file(far))
    flux = {f"transformer.blocks.0.to_q.{k}": t for k, t in pair.items()}
    assert "another kind of model" in said_of(tiny, file(flux))
    assert "incomplete" in said_of(tiny, file({f"{layer}.lora_A.weight": down}))
    assert "hada" in said_of(tiny, file({"lora_unet_x.hada_w1_a": down}))
    other = file(
        {f"{layer}.{k}": t for k, t in pair.items()}, spectrogram=json.dumps(FULL_BAND.to_dict())
    )
    assert "full-band" in said_of(tiny, other)
