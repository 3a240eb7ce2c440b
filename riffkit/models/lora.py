"""LoRAs: small files that teach a model something, added to its weights (arXiv:2106.09685).

Read are the layouts of diffusers ("unet.….lora_A.weight"), of kohya's scripts
("lora_unet_….lora_down.weight", ".alpha"), and of a network that peft or diffusers saved alone
("base_model.model.down_blocks.….lora_A.weight", with an adapter_config.json beside), for UNet and
text encoder, without peft, in safetensors files and in torch.save's. What is added to is a copy
that shares all other weights with the model: the model itself stays as it was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from riffkit.errors import ModelError
from riffkit.models.json_file import read_json
from riffkit.models.locate import where_to_find
from riffkit.models.lora_file import IN_FOLDERS, PEFT_FILE, lora_file
from riffkit.models.onednn import put_weight, sharing_copy
from riffkit.models.weights.weight_file import read_weights
from riffkit.provenance.recipe import sha256
from riffkit.spectrogram.params import SpectrogramParams

_PEFT_CONFIG = "adapter_config.json"
PARTS = ("unet", "text_encoder")

_KOHYA = {"lora_unet_": "unet", "lora_te_": "text_encoder", "lora_te1_": "text_encoder"}
_BARE = {
    "unet": ("down_blocks", "mid_block", "up_blocks", "conv_in", "conv_out", "time_embedding"),
    "text_encoder": ("text_model",),
}
"""Prefixes of layers of a network that was saved alone, without its part's name."""
_TENSOR = re.compile(
    r"""(?P<layer>.+?)
        (?:(?:\.processor)?\.(?P<to>to_\w+?)_lora|\.lora|\.lora_linear_layer)?
        \.(?P<kind>lora_A|lora_B|lora_down|lora_up|down|up|alpha)
        (?:\.(?!weight$)[\w-]+)?(?:\.weight)?$""",  # an adapter may be named
    re.VERBOSE,
)
_DOWN, _UP = ("lora_A", "lora_down", "down"), ("lora_B", "lora_up", "up")
_TEXT_LAYERS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
"""What diffusers 0.16 called the layers of the text encoder."""
_EMBEDDING = re.compile(r"bundle_emb\.(?P<name>.+?)\.")  # textual inversions, by kohya's scripts
_OTHER_KINDS = re.compile(r"hada_|lokr_|dora_scale|magnitude_vector|lora_mid|\.diff\b|oft_")

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Layer:
    """The change of one weight: `scale` · up · down, each reshaped to a matrix."""

    down: Float[Tensor, "rank inner"]
    up: Float[Tensor, "outer rank"]
    scale: float


@dataclass(frozen=True, eq=False)
class Lora:
    """A file's layers by part and layer name, which kohya's files give with "_" for "."."""

    name: str
    sha256: str
    layers: dict[str, dict[str, Layer]]
    metadata: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> tuple[str, str] | None:
        """Name and fingerprint of the model that it was trained for, if riffkit trained it."""
        try:
            model = json.loads(self.metadata.get("recipe", "{}")).get("model", {})
            return str(model["name"]), str(model["fingerprint"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def params(self) -> SpectrogramParams | None:
        """The spectrogram parameters it was trained on, if the file has them."""
        text = self.metadata.get("spectrogram")
        try:
            return None if text is None else SpectrogramParams.from_dict(json.loads(text))
        except (ValueError, AttributeError) as error:
            raise ModelError(
                f"lora={self.name!r}: its spectrogram parameters are damaged; copy it again"
            ) from error


def read_lora(path: Path) -> Lora:
    """The layers of a file or run; ModelError if it is not a LoRA."""
    file = lora_file(path)
    name = file.parent.resolve().name if file.name in IN_FOLDERS else file.name
    stored = read_weights(file, named=f"lora={str(path)!r}")
    metadata = dict(stored.metadata)
    embeddings = {found["name"] for key in stored.tensors if (found := _EMBEDDING.match(key))}
    tensors = {
        key: tensor.clone()  # the file may be written anew
        for key, tensor in stored.tensors.items()
        if not _EMBEDDING.match(key)
    }
    notes = tuple(f"lora={name!r}: left out its embedding {one!r}" for one in sorted(embeddings))
    layers = _layers(str(path), tensors, _Scales(metadata, _peft_config(file)))
    return Lora(name, sha256(file), layers, metadata, notes)


def _peft_config(file: Path) -> dict[str, Any]:
    """What peft wrote beside a network that it saved; without it, strengths would be guessed."""
    if file.stem != Path(PEFT_FILE).stem:
        return {}
    path = file.with_name(_PEFT_CONFIG)
    if not path.is_file():
        raise ModelError(f"lora={str(file)!r}: {_PEFT_CONFIG} is missing beside it; copy that too")
    return read_json(path)


def _layers(
    path: str, tensors: Mapping[str, Tensor], scales: _Scales
) -> dict[str, dict[str, Layer]]:
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if other := _OTHER_KINDS.search(key):
            raise ModelError(
                f"lora={path!r}: has {other[0].strip('._')!r} layers; only plain LoRAs "
                "(a down and an up matrix) are supported"
            )
        part, layer, kind = _read_key(path, key)
        parts.setdefault((part, layer), {})[kind] = tensor
    layers: dict[str, dict[str, Layer]] = {part: {} for part in PARTS}
    for (part, name), found in parts.items():
        if set(found) - {"alpha"} != {"down", "up"}:
            raise ModelError(f"lora={path!r}: {name} is incomplete; copy it again")
        if not all(torch.isfinite(tensor).all() for tensor in found.values()):
            raise ModelError(
                f"lora={path!r}: {name} contains NaN or infinity; the training failed, use an "
                "earlier checkpoint"
            )
        down, up = found["down"].flatten(1), found["up"].flatten(1)
        if up.shape[1] != down.shape[0]:
            raise ModelError(
                f"lora={path!r}: {name} is damaged (ranks {down.shape[0]} and {up.shape[1]})"
            )
        alpha = float(found["alpha"]) if "alpha" in found else None
        layers[part][name] = Layer(down, up, scales.of(part, name, len(down), alpha))
    if not parts:
        raise ModelError(f"lora={path!r}: has no layers; copy it again")
    return layers


def _read_key(path: str, key: str) -> tuple[str, str, str]:
    """Part, layer and kind ("down", "up", "alpha") that a tensor's name says."""
    match = _TENSOR.match(key)
    if match is None or ("lora" not in key and match["kind"] != "alpha"):
        raise ModelError(
            f"lora={path!r}: is not a LoRA (found {key!r}); use `model` for whole models"
        )
    layer = match["layer"]
    if to := match["to"]:  # diffusers' first layout: attn1.processor.to_out_lora.down
        is_text = ".self_attn" in layer
        layer += f".{_TEXT_LAYERS[to]}" if is_text else f".{to}" + ".0" * (to == "to_out")
    kind = match["kind"]
    kind = "down" if kind in _DOWN else "up" if kind in _UP else kind
    for prefix, part in _KOHYA.items():
        if layer.startswith(prefix):
            return part, layer.removeprefix(prefix), kind
    whole = layer.removeprefix("base_model.model.")
    part, _, layer = whole.partition(".")
    for bare, first in _BARE.items():
        if part in first:
            return bare, whole, kind
    if part not in PARTS or not layer:
        raise ModelError(
            f"lora={path!r}: is for another kind of model (found {key!r}), not for "
            "Stable Diffusion v1"
        )
    return part, layer, kind


class _Scales:
    """How much each layer counts: alpha / rank, where anything names an alpha.

    The file itself, its metadata, or `beside`: peft's configuration of the only part there is.
    """

    def __init__(self, metadata: Mapping[str, str], beside: dict[str, Any]) -> None:
        self._beside = beside
        try:  # written by diffusers since 0.35
            self._said: dict[str, Any] = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        except ValueError:
            self._said = {}

    def of(self, part: str, layer: str, rank: int, alpha: float | None) -> float:
        if alpha is None:
            patterns = self._says(part, "alpha_pattern") or {}
            alpha = float(patterns.get(layer, self._says(part, "lora_alpha") or rank))
        root = self._says(part, "use_rslora")
        return alpha / (math.sqrt(rank) if root else rank)

    def _says(self, part: str, name: str) -> Any:
        return self._said.get(f"{part}.{name}", self._beside.get(name))


def with_layers(
    network: Network,
    layers: Mapping[str, Layer],
    weight: float,
    *,
    name: str,
    in_place: bool = False,
) -> Network:
    """A copy of the network with `weight` times the layers added; the rest is shared with it.

    With `in_place`, the network itself is changed. ModelError if the network lacks a layer.
    """
    copy = network
    if not in_place:
        copy = sharing_copy(network)
    places = {_flat(n): m for n, m in copy.named_modules() if _has_matrix(m)}
    for layer_name, layer in layers.items():
        module = _place(places, layer_name)
        if module is None:
            raise ModelError(
                f"lora={name!r}: is for another architecture; the model has no layer {layer_name}"
            )
        old = module.weight
        assert isinstance(old, Tensor)
        wanted, given = (len(old), old[0].numel()), (len(layer.up), layer.down.shape[1])
        if wanted != given:
            raise ModelError(
                f"lora={name!r}: is for another architecture; {layer_name} is "
                f"{given[0]} × {given[1]} instead of {wanted[0]} × {wanted[1]}"
            )
        up, down = (matrix.to(old.device).float() for matrix in (layer.up, layer.down))
        added = (weight * layer.scale) * (up @ down).reshape(old.shape)
        put_weight(module, (old.float() + added).to(old.dtype))
    return copy


def _has_matrix(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.Conv2d)


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _place(places: Mapping[str, nn.Module], layer: str) -> Any:
    """The module of a layer; CLIP's "text_model." is there or not as transformers' version is."""
    flat = _flat(layer)
    names = (flat, flat.removeprefix("text_model_"), f"text_model_{flat}")
    return next((places[name] for name in names if name in places), None)


def check_base(lora: Lora, name: str, fingerprint: str, params: SpectrogramParams) -> None:
    """Raise ModelError for a LoRA that was trained for another model, or on other spectrograms."""
    if lora.base is not None and lora.base[1] != fingerprint:
        raise ModelError(
            f"lora={lora.name!r}: was trained for model {lora.base[0]!r} ({lora.base[1]}), but "
            f"{name!r} ({fingerprint}) is loaded; {where_to_find(lora.base[1])}"
        )
    if lora.params is not None and lora.params != params:
        raise ModelError(
            f"lora={lora.name!r}: was trained on {lora.params.preset} spectrograms, but "
            f"the model uses {params.preset}; use the model it was trained for"
        )
