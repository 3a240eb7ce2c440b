"""Which files of a network's folder are read, by their names."""

from __future__ import annotations

import pytest

from riffkit.models.weights.weight_names import choose_weights, weights_in

STEM = "diffusion_pytorch_model"


def chosen(names: list[str], variant: str = "fp32", part: str = "unet") -> tuple[str, ...]:
    found = choose_weights(part, names, variant)
    return () if found is None else found.files


def test_which_weights_of_several() -> None:
    names = [f"{STEM}{v}.{f}" for v in ("", ".fp16", ".ema") for f in ("bin", "safetensors")]
    assert chosen(names) == (f"{STEM}.safetensors",)
    assert chosen(names, "fp16") == (f"{STEM}.fp16.safetensors",)
    assert chosen(names, "bf16") == (f"{STEM}.safetensors",)
    assert chosen([f"{STEM}.bin", f"{STEM}.fp16.safetensors"]) == (f"{STEM}.bin",)
    assert chosen([f"{STEM}.ema.bin", f"{STEM}.fp16.bin"]) == (f"{STEM}.fp16.bin",)
    assert chosen(["config.json", "unet_traced.pt", "model.safetensors"]) == ()


@pytest.mark.parametrize(
    ("end", "index"),
    [
        (".safetensors", f"{STEM}.safetensors.index.json"),
        (".bin", f"{STEM}.bin.index.json"),
        (".fp16.safetensors", f"{STEM}.safetensors.index.fp16.json"),
    ],
)
def test_shards_count_where_all_are_there(end: str, index: str) -> None:
    """A variant stands before the shard's number, and at the end of the index."""
    *variant, kind = end.removeprefix(".").split(".")
    head = ".".join([STEM, *variant])
    shards = [f"{head}-0000{n}-of-00003.{kind}" for n in (1, 2, 3)]
    (found,) = weights_in("unet", [index, *reversed(shards)])
    assert list(found.files) == shards and found.index == index
    assert chosen([*shards, f"{STEM}{end}"], found.variant) == (f"{STEM}{end}",)
    assert chosen([index, *shards[:2]]) == ()


def test_the_text_encoder_s_names_are_transformers_own() -> None:
    assert chosen(["pytorch_model.bin"], part="text_encoder") == ("pytorch_model.bin",)
    names = ["pytorch_model.bin", "model.safetensors", f"{STEM}.safetensors", "flax_model.bin"]
    assert chosen(names, part="text_encoder") == ("model.safetensors",)
