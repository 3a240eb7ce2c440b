"""A checkpoint: the networks of a Stable Diffusion v1 model, and the spectrograms it paints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from riffkit.device import pick_device, pick_dtype
from riffkit.diffusion.few_steps import FOLDER, MOST_STEPS, first_order, with_lora
from riffkit.diffusion.lora import check_params, parse_lora, read_lora, with_layers
from riffkit.errors import ModelError
from riffkit.recipe import fingerprint
from riffkit.spectrogram.params import RIFFUSION_V1, SpectrogramParams

WEIGHTS = Path(__file__).parent.parent / "weights"
BUNDLED_DEFAULT = "mini"
LoraSpec = str | Path | tuple[str | Path, float]
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")


@dataclass(frozen=True)
class ModelTraits:
    """What a model folder's `riffkit.json` says; the defaults suit riffusion-v1.

    `bar_cue`: the last latent channel holds the bar cue, and the model knows only loops.
    `names_tempo`: its captions named the tempo, so prompts should. `style_bpm`, `style_modes`:
    tempo and modes of the styles that it knows. `native_tonics`: the keys that it paints in, all
    twelve if empty; then `minor_words` and `major_words` name moods of either mode, and
    `unpitched_words` say that nothing has a key. `english`: its captions were English, so prompts
    in other languages are put into it.
    """

    bar_cue: bool = False
    names_tempo: bool = False
    default_steps: int = 30
    default_guidance: float = 7.0
    default_bpm: float = 93.75
    style_bpm: dict[str, float] = field(default_factory=dict)
    style_modes: dict[str, list[str]] = field(default_factory=dict)
    native_tonics: list[str] = field(default_factory=list)
    minor_words: list[str] = field(default_factory=list)
    major_words: list[str] = field(default_factory=list)
    unpitched_words: list[str] = field(default_factory=list)
    english: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """The loaded parts, ready to denoise on `device`."""

    name: str
    fingerprint: str
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: Any
    params: SpectrogramParams
    traits: ModelTraits
    device: torch.device
    few_steps: Path | None = None
    """The folder of a LoRA for few steps (riffkit/diffusion/few_steps.py)."""
    loras: tuple[dict[str, Any], ...] = ()
    """Name, sha256 and weight of the LoRAs that were added (riffkit/diffusion/lora.py)."""
    loading: dict[str, Any] = field(default_factory=dict)
    """The arguments of `load_checkpoint`, with which another process gets the same."""

    @property
    def recipe_facts(self) -> dict[str, Any]:
        """What a recipe keeps of the model."""
        facts: dict[str, Any] = {"name": self.name, "fingerprint": self.fingerprint}
        return {**facts, "loras": list(self.loras)} if self.loras else facts

    @property
    def stride(self) -> int:
        """Pixels to a latent column or row."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def latent_channels(self) -> int:
        return int(self.unet.config["in_channels"])

    @property
    def columns(self) -> int:
        """Latent columns of the images that the model was trained on."""
        return int(self.unet.config["sample_size"])

    def guidance_for(self, n_steps: int) -> float:
        """The guidance that suits so many steps: none for few, where the model learned them."""
        takes_few = self.few_steps is not None and n_steps <= MOST_STEPS
        return 1.0 if takes_few else self.traits.default_guidance

    def fitted(self, *, n_steps: int, guidance: float) -> Checkpoint:
        """For few unguided steps the networks that know them, if there are any; else itself."""
        if self.few_steps is None or n_steps > MOST_STEPS or guidance != 1:
            return self
        return self._for_few_steps

    def with_loras(self, loras: Sequence[LoraSpec]) -> Checkpoint:
        """The model with LoRAs added, which leaves this one as it is.

        Each is "PATH[:WEIGHT]", a path, or (path, weight); a path is a file or a run's folder.
        ModelError for what is no LoRA, or one for other networks or spectrograms.
        """
        unet, text_encoder, said = self.unet, self.text_encoder, list(self.loras)
        for path, weight in map(parse_lora, loras):
            lora = read_lora(path)
            check_params([lora], self.params)
            unet = with_layers(unet, lora.layers["unet"], weight, name=lora.name)
            if layers := lora.layers["text_encoder"]:
                text_encoder = with_layers(text_encoder, layers, weight, name=lora.name)
            said.append({"name": lora.name, "sha256": lora.sha256, "weight": weight})
        loading = {**self.loading, "loras": [*self.loading.get("loras", ()), *loras]}
        return replace(
            self, unet=unet, text_encoder=text_encoder, loras=tuple(said), loading=loading
        )

    @cached_property
    def _for_few_steps(self) -> Checkpoint:
        assert self.few_steps is not None
        scheduler = type(self.scheduler).from_config(first_order(self.scheduler.config))
        unet = with_lora(self.unet, self.few_steps)
        return replace(self, unet=unet, scheduler=scheduler, few_steps=None)


def bundled_models() -> dict[str, Path]:
    """The models that ship inside the package, by name."""
    return {path.parent.name: path.parent for path in sorted(WEIGHTS.glob("*/model_index.json"))}


def find_model(model: str) -> Path:
    """The folder of a bundled name, a folder, or a hub id (from the cache, else downloaded)."""
    if model in (bundled := bundled_models()):
        return bundled[model]
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise ModelError(f"model={model!r}: is a file; give a model folder in diffusers' layout")
    if model.count("/") == 1 and not model.startswith((".", "/", "~")):
        return _from_hub(model)
    raise ModelError(
        f"model={model!r}: no such folder or bundled model; "
        f"bundled: {', '.join(bundled) or 'none'}; a hub id looks like owner/name"
    )


def _from_hub(model_id: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = [
        "model_index.json",
        "*.json",
        "*.txt",
        *(f"{part}/*.safetensors" for part in (*_PARTS, FOLDER)),
    ]
    for local_files_only in (True, False):
        try:
            folder = Path(
                snapshot_download(
                    model_id, allow_patterns=wanted, local_files_only=local_files_only
                )
            )
        except Exception as error:  # the hub's client raises dozens of kinds
            reason = type(error).__name__
            continue
        if (folder / "model_index.json").exists():
            return folder
        reason = "it holds no model_index.json"
    raise ModelError(
        f"model={model_id!r}: not in the local cache, and the hub gave none ({reason}); "
        "check the name and the connection, or give a folder"
    )


def load_checkpoint(
    model: str = BUNDLED_DEFAULT, *, device: str = "auto", loras: Sequence[LoraSpec] = ()
) -> Checkpoint:
    """Load a model by bundled name, folder or hub id; ModelError says what is missing.

    `loras` as `Checkpoint.with_loras` takes them.
    """
    folder = find_model(model)
    _check_parts(model, folder)
    where = pick_device(device)
    dtype = pick_dtype(where)
    try:
        with _without_progress_bar():
            text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=dtype)
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype)
        vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=dtype)
        tokenizer = CLIPTokenizer.from_pretrained(str(folder / "tokenizer"))
        scheduler = _load_scheduler(folder)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"model={model!r}: can't be loaded: {reason}") from error
    checkpoint = Checkpoint(
        name=folder.name if Path(model).is_dir() else model,
        fingerprint=fingerprint(folder),
        unet=unet.to(where).eval().requires_grad_(False),
        vae=vae.to(where).eval().requires_grad_(False),
        text_encoder=text_encoder.to(where).eval().requires_grad_(False),
        tokenizer=tokenizer,
        scheduler=scheduler,
        params=spectrogram_params(folder),
        traits=model_traits(folder),
        device=where,
        few_steps=folder / FOLDER if (folder / FOLDER).is_dir() else None,
        loading={"model": model, "device": device},
    )
    return checkpoint.with_loras(loras) if loras else checkpoint


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    """transformers draws a bar for every model it loads, however small."""
    was_enabled = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            transformers_logging.enable_progress_bar()


def _check_parts(model: str, folder: Path) -> None:
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"model={model!r}: holds no model_index.json; give a model folder in diffusers' layout"
        )
    for part in _PARTS:
        if not (folder / part).is_dir():
            raise ModelError(f"model={model!r}: its folder {part} is missing; copy the whole model")
    for part in ("unet", "vae", "text_encoder"):
        if not any((folder / part).glob("*.safetensors")):
            raise ModelError(
                f"model={model!r}: no .safetensors weights in {part}; copy the whole model"
            )


def _load_scheduler(folder: Path) -> Any:
    name = _read_json(folder / "scheduler" / "scheduler_config.json").get("_class_name", "")
    scheduler = getattr(diffusers, str(name), None)
    if scheduler is None:
        raise ValueError(f"unknown scheduler {name!r}")
    return scheduler.from_pretrained(folder / "scheduler")


def spectrogram_params(folder: Path) -> SpectrogramParams:
    """Riffusion-v1 where the folder doesn't say: what published checkpoints were trained on."""
    path = folder / "spectrogram.json"
    return SpectrogramParams.from_dict(_read_json(path)) if path.exists() else RIFFUSION_V1


def model_traits(folder: Path) -> ModelTraits:
    """The defaults of `ModelTraits` where the folder has no `riffkit.json`."""
    path = folder / "riffkit.json"
    return ModelTraits(**_read_json(path)) if path.exists() else ModelTraits()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name}: missing or damaged; copy the whole model again") from error
    return dict(values)
