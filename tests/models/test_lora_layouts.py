"""LoRAs over every layer of a Stable Diffusion v1, as peft and kohya's scripts publish them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from riffkit.errors import ModelError
from riffkit.models.pipeline import Pipeline, load_pipeline
from tests.models.layouts import small_v1, write_layout

RANK, ALPHA = 2, 1.0
Matrices = dict[str, tuple[Tensor, Tensor]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_layout(small_v1(), "safetensors-fp16", tmp_path_factory.mktemp("model"))


@pytest.fixture
def base(file: Path) -> Pipeline:
    return load_pipeline(str(file), device="cpu")


@pytest.fixture
def matrices(base: Pipeline) -> Matrices:
    """Small down and up matrices of every linear layer and convolution of both networks."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for part in ("unet", "text_encoder"):
        for name, module in getattr(base, part).named_modules():
            if not isinstance(module, nn.Linear | nn.Conv2d):
                continue
            if part == "text_encoder":
                name = f"text_model.{name.removeprefix('text_model.')}"
            ones = (1,) * (module.weight.ndim - 2)
            down = torch.randn((RANK, *module.weight.shape[1:]), generator=generator)
            up = torch.randn((len(module.weight), RANK, *ones), generator=generator)
            found[f"{part}.{name}"] = (down * 0.01, up)
    return found


def write_lora(matrices: Matrices, layout: str, folder: Path) -> Path:
    """Layouts: "peft", "kohya", or "kohya-te1", with the text encoder's name of newer scripts."""
    tensors = {}
    for name, (down, up) in matrices.items():
        if layout == "peft":
            tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up * ALPHA / RANK}
            continue
        part, _, layer = name.partition(".")
        text = "lora_te1_" if layout == "kohya-te1" else "lora_te_"
        flat = (text if part == "text_encoder" else "lora_unet_") + layer.replace(".", "_")
        tensors |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
        tensors[f"{flat}.alpha"] = torch.tensor(ALPHA)
    save_file(tensors, folder / f"{layout}.safetensors")
    return folder / f"{layout}.safetensors"


def weights_of(pipeline: Pipeline) -> dict[str, Tensor]:
    return {
        f"{part}.{name}": tensor
        for part in ("unet", "text_encoder")
        for name, tensor in getattr(pipeline, part).state_dict().items()
    }


def test_every_layer_gets_its_own(base: Pipeline, matrices: Matrices, tmp_path: Path) -> None:
    path = write_lora(matrices, "kohya", tmp_path)
    tuned, before = weights_of(base.with_loras([f"{path}:0.5"])), weights_of(base)
    assert len(matrices) > 100
    for name, (down, up) in matrices.items():
        found = f"{name}.weight"
        if found not in before:
            found = found.replace("text_model.", "")
        added = 0.5 * ALPHA / RANK * (up.flatten(1) @ down.flatten(1))
        wanted = before[found] + added.reshape(before[found].shape)
        torch.testing.assert_close(tuned[found], wanted, msg=name)


@pytest.mark.parametrize("layout", ["kohya", "kohya-te1"])
def test_peft_and_kohya_give_the_same(
    layout: str, base: Pipeline, matrices: Matrices, tmp_path: Path
) -> None:
    """Their scale is a power of two, so that it rounds nothing."""
    peft, kohya = (
        weights_of(base.with_loras([write_lora(matrices, name, tmp_path)]))
        for name in ("peft", layout)
    )
    for name, tensor in peft.items():
        assert torch.equal(tensor, kohya[name]), name


def test_networks_that_were_saved_alone(base: Pipeline, matrices: Matrices, tmp_path: Path) -> None:
    """As `save_pretrained` of a peft model writes each, and `save_attn_procs` the UNet."""
    wanted = weights_of(base.with_loras([write_lora(matrices, "kohya", tmp_path)]))
    tuned = base
    for part in ("unet", "text_encoder"):
        folder = tmp_path / part
        folder.mkdir()
        tensors = {}
        for name, (down, up) in matrices.items():
            if name.startswith(part):
                layer = f"base_model.model.{name.removeprefix(f'{part}.')}"
                tensors |= {f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}
        save_file(tensors, folder / "adapter_model.safetensors")
        with pytest.raises(ModelError, match="adapter_config"):
            base.with_loras([folder])
        (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": ALPHA, "r": RANK}))
        tuned = tuned.with_loras([folder])
    assert [said["name"] for said in tuned.loras] == ["unet", "text_encoder"]
    for name, tensor in weights_of(tuned).items():
        torch.testing.assert_close(tensor, wanted[name], msg=name)
    layer = "mid_block.attentions.0.transformer_blocks.0.attn1"
    down, up = matrices[f"unet.{layer}.to_q"]
    bare = f"{layer}.processor.to_q_lora"
    pair = {f"{bare}.down.weight": down, f"{bare}.up.weight": up * ALPHA / RANK}
    save_file(pair, tmp_path / "procs.safetensors")
    name = f"unet.{layer}.to_q.weight"
    found = weights_of(base.with_loras([tmp_path / "procs.safetensors"]))[name]
    torch.testing.assert_close(found, wanted[name])


def test_the_base_stays_bit_for_bit(base: Pipeline, matrices: Matrices, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in weights_of(base).items()}
    path = write_lora(matrices, "kohya", tmp_path)
    base.with_loras([path, f"{path}:-0.25"])
    for name, tensor in weights_of(base).items():
        assert torch.equal(tensor, before[name]), name


def test_loading_adds_in_place_what_a_copy_gets(
    base: Pipeline, file: Path, matrices: Matrices, tmp_path: Path
) -> None:
    """One UNet is held, not two, and the file is not written to."""
    loras = [f"{write_lora(matrices, 'kohya', tmp_path)}:0.5"]
    content = file.read_bytes()
    loaded = load_pipeline(str(file), device="cpu", loras=loras)
    copied = base.with_loras(loras)
    assert loaded.loras == copied.loras
    for name, tensor in weights_of(copied).items():
        assert torch.equal(tensor, weights_of(loaded)[name]), name
    assert base.with_loras(loras, in_place=True).unet is base.unet
    assert file.read_bytes() == content


def test_other_files_and_names_give_the_same(
    base: Pipeline, matrices: Matrices, tmp_path: Path
) -> None:
    """torch.save's files, a named adapter, and diffusers 0.16's names of attention layers."""
    peft = load_file(write_lora(matrices, "peft", tmp_path))
    wanted = weights_of(base.with_loras([tmp_path / "peft.safetensors"]))
    torch.save(peft, tmp_path / "lora.pt")
    (tmp_path / "run").mkdir()
    torch.save(peft, tmp_path / "run" / "pytorch_lora_weights.bin")
    named = {key.replace(".weight", ".my-adapter.weight"): one for key, one in peft.items()}
    save_file(named, tmp_path / "named.safetensors")
    for path in ("lora.pt", "run", "named.safetensors"):
        for name, tensor in weights_of(base.with_loras([tmp_path / path])).items():
            assert torch.equal(tensor, wanted[name]), (path, name)
    old = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
    tensors, changed = {}, set()
    for name, (down, up) in matrices.items():
        layer, _, last = name.rpartition(".")
        if layer.endswith("self_attn"):
            changed.add(f"{name}.weight")
            tensors |= {f"{layer}.{old[last]}_lora.down.weight": down}
            tensors |= {f"{layer}.{old[last]}_lora.up.weight": up * ALPHA / RANK}
    save_file(tensors, tmp_path / "old.safetensors")
    found, before = weights_of(base.with_loras([tmp_path / "old.safetensors"])), weights_of(base)
    changed |= {name.replace("text_model.", "") for name in changed}
    for name, tensor in found.items():
        assert torch.equal(tensor, (wanted if name in changed else before)[name]), name
    assert changed & set(found)


def test_embeddings_are_left_out_and_said(
    base: Pipeline, matrices: Matrices, tmp_path: Path
) -> None:
    wanted = weights_of(base.with_loras([write_lora(matrices, "kohya", tmp_path)]))
    tensors = load_file(tmp_path / "kohya.safetensors")
    tensors["bundle_emb.my style.string_to_param.*"] = torch.zeros(2, 8)
    save_file(tensors, tmp_path / "bundle.safetensors")
    tuned = base.with_loras([tmp_path / "bundle.safetensors"])
    assert tuned.notes[-1] == "lora='bundle.safetensors': left out its embedding 'my style'"
    assert all(torch.equal(one, wanted[name]) for name, one in weights_of(tuned).items())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_one_with_bad_numbers_is_refused(base: Pipeline, tmp_path: Path, bad: float) -> None:
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    up = torch.ones(8, RANK)
    up[3, 1] = bad
    tensors = {f"{name}.lora_A.weight": torch.ones(RANK, 8), f"{name}.lora_B.weight": up}
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(ModelError, match=r"attn1\.to_q contains NaN or infinity"):
        base.with_loras([tmp_path / "bad.safetensors"])
