"""A loaded model: the networks of a Stable Diffusion v1 pipeline and their settings."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from riffkit.device import pick_device
from riffkit.errors import ModelError
from riffkit.models.compute import Compute, fit, notes_for
from riffkit.models.distilled import FOLDER, MOST_STEPS, first_order, with_lora
from riffkit.models.grain import FOLDER as GRAIN_FOLDER
from riffkit.models.grain import N_PLANES, Grain, read_grain
from riffkit.models.hub.hub_id import variant_of
from riffkit.models.json_file import read_json
from riffkit.models.locate import (
    BUNDLED_DEFAULT,
    WEIGHTS,
    ModelTraits,
    bundled_models,
    find_model,
    model_name,
    model_traits,
    says_its_params,
    spectrogram_params,
)
from riffkit.models.lora import check_base, read_lora, with_layers
from riffkit.models.lora_file import parse_lora
from riffkit.models.networks import build
from riffkit.models.weights.folder import read_folder
from riffkit.models.weights.single_file import CONFIGS, read_single_file
from riffkit.provenance.recipe import fingerprint
from riffkit.spectrogram.params import SpectrogramParams

__all__ = [
    "BUNDLED_DEFAULT",
    "WEIGHTS",
    "LoraSpec",
    "ModelTraits",
    "Pipeline",
    "bundled_models",
    "find_model",
    "load_pipeline",
    "model_traits",
    "spectrogram_params",
]

_log = logging.getLogger(__name__)

LoraSpec = str | Path | tuple[str | Path, float]
_ASSUMED_PARAMS = (
    "model={model!r}: doesn't say which spectrograms it uses; assuming riffusion-v1 "
    "(add a spectrogram.json beside it to change that)"
)
_NOT_COMPILED = "compile: ignored; this model always wraps in time, which can't be compiled"


@dataclass(frozen=True)
class Pipeline:
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
    grain: Grain | None = None
    """Restores the detail that the autoencoder smooths away (riffkit/models/grain.py)."""
    few_steps: Path | None = None
    """The folder of a LoRA for few steps (riffkit/models/distilled.py)."""
    loras: tuple[dict[str, Any], ...] = ()
    """Name, sha256 and weight of each added LoRA (riffkit/models/lora.py)."""
    notes: tuple[str, ...] = ()
    """Notes for the user, to be shown once."""
    loading: dict[str, Any] = field(default_factory=dict)
    """The arguments of `load_pipeline` that recreate this pipeline in another process."""

    @property
    def recipe_facts(self) -> dict[str, Any]:
        """The model's facts for a recipe; the dtype only if it was requested."""
        facts: dict[str, Any] = {"name": self.name, "fingerprint": self.fingerprint}
        dtype = self.loading["compute"].dtype if self.loading else "auto"
        if dtype != "auto":
            facts["dtype"] = dtype
        return {**facts, "loras": list(self.loras)} if self.loras else facts

    @property
    def fold(self) -> int:
        """How many pixels a side are one of the autoencoder's, with fold² × 3 channels."""
        return math.isqrt(int(self.vae.config["in_channels"]) // N_PLANES)

    @property
    def stride(self) -> int:
        """Pixels per latent column or row."""
        return int(self.fold * 2 ** (len(self.vae.config["block_out_channels"]) - 1))

    @property
    def latent_channels(self) -> int:
        return int(self.unet.config["out_channels"])

    @property
    def guide_channels(self) -> int:
        """The UNet's input channels for a guide's latents; 0 if it knows none."""
        return int(self.unet.config["in_channels"]) - self.latent_channels

    @property
    def is_bundled(self) -> bool:
        """Whether it is the package's own, as it is: without LoRAs."""
        return self.loading.get("model") in bundled_models() and not self.loras

    @property
    def columns(self) -> int:
        """Latent columns of the images that the model was trained on."""
        return int(self.unet.config["sample_size"])

    def guidance_for(self, n_steps: int) -> float:
        """The default guidance for `n_steps`: 1 for few steps if the model has a few-step LoRA."""
        takes_few = self.few_steps is not None and n_steps <= MOST_STEPS
        return 1.0 if takes_few else self.traits.default_guidance

    def for_steps(self, *, n_steps: int, guided: bool) -> Pipeline:
        """With the few-step LoRA, if there is one and the few steps are unguided; else itself."""
        if self.few_steps is None or n_steps > MOST_STEPS or guided:
            return self
        return self._for_few_steps

    def with_loras(self, loras: Sequence[LoraSpec], *, in_place: bool = False) -> Pipeline:
        """A copy of the model with LoRAs added, or this model changed with `in_place`.

        Each is "PATH[:WEIGHT]", a path, or (path, weight); a path is a file or a run's folder.
        ModelError if it is not a LoRA, or is for other networks or spectrograms.
        """
        unet, text_encoder, added = self.unet, self.text_encoder, list(self.loras)
        notes = list(self.notes)
        for path, weight in map(parse_lora, loras):
            lora = read_lora(path)
            check_base(lora, self.name, self.fingerprint, self.params)
            add = partial(with_layers, weight=weight, name=lora.name, in_place=in_place)
            unet = add(unet, lora.layers["unet"])
            if layers := lora.layers["text_encoder"]:
                text_encoder = add(text_encoder, layers)
            notes += lora.notes
            added.append({"name": lora.name, "sha256": lora.sha256, "weight": weight})
        loading = {**self.loading, "loras": [*self.loading.get("loras", ()), *loras]}
        return replace(
            self,
            unet=unet,
            text_encoder=text_encoder,
            loras=tuple(added),
            notes=tuple(notes),
            loading=loading,
        )

    @cached_property
    def _for_few_steps(self) -> Pipeline:
        assert self.few_steps is not None
        scheduler = type(self.scheduler).from_config(first_order(self.scheduler.config))
        unet = with_lora(self.unet, self.few_steps)
        return replace(self, unet=unet, scheduler=scheduler, few_steps=None)


def load_pipeline(
    model: str = BUNDLED_DEFAULT,
    *,
    device: str = "auto",
    loras: Sequence[LoraSpec] = (),
    compute: Compute = Compute(),  # noqa: B008 (frozen)
    to_train: bool = False,
) -> Pipeline:
    """Load a model by bundled name, folder, file or hub id; ModelError if that fails.

    `loras` are as in `Pipeline.with_loras`. With `to_train`, weights keep PyTorch's layout, so that
    they can be changed.
    """
    path, named = find_model(model), f"model={model!r}"
    where, traits = pick_device(device), model_traits(path)
    notes: tuple[str, ...] = ()
    if compute.compile and traits.bar_cue:
        compute, notes = replace(compute, compile=False), (_NOT_COMPILED,)
    dtype = compute.dtype_on(where)
    held_on = torch.device("cpu") if compute.offload else where
    is_folder = path.is_dir()
    small = path if is_folder else CONFIGS
    with ThreadPoolExecutor(1) as aside:  # hashing holds no lock, and copying waits for memory
        hashed = aside.submit(fingerprint, path)
        try:
            if is_folder:
                parts = read_folder(
                    path, dtype, named=named, variant=variant_of(model), guided=traits.guided
                )
            else:
                parts = read_single_file(path, named=named)
            networks = build(parts, dtype=dtype, device=held_on, named=named)
            tokenizer = CLIPTokenizer.from_pretrained(
                str((path if is_folder else WEIGHTS / BUNDLED_DEFAULT) / "tokenizer")
            )
            scheduler = _load_scheduler(small, parts.scheduler)
        except ModelError:
            raise
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{named}: can't be loaded: {reason}") from error
    grain = read_grain(path / GRAIN_FOLDER) if (path / GRAIN_FOLDER).is_dir() else None
    pipeline = Pipeline(
        name=model_name(model),
        fingerprint=hashed.result(),
        unet=networks.unet,
        vae=networks.vae,
        text_encoder=networks.text_encoder,
        tokenizer=tokenizer,
        scheduler=scheduler,
        params=spectrogram_params(path),
        traits=traits,
        device=where,
        grain=None if grain is None else grain.to(where),
        few_steps=path / FOLDER if (path / FOLDER).is_dir() else None,
        notes=(
            *notes,
            *(() if says_its_params(path) else (_ASSUMED_PARAMS.format(model=model),)),
            *notes_for(networks.unet, where, compute),
        ),
        loading={"model": model, "device": device, "compute": compute},
    )
    if loras:
        pipeline = pipeline.with_loras(loras, in_place=True)
    every = (networks.text_encoder, networks.unet, networks.vae)
    fit(every, networks.unet, where, compute, to_train=to_train)
    _log.debug("%s: loaded from %s, %s on %s", model, path, networks.unet.dtype, where)
    return pipeline


def _load_scheduler(folder: Path, settings: Mapping[str, Any]) -> Any:
    name = read_json(folder / "scheduler" / "scheduler_config.json").get("_class_name", "")
    scheduler = getattr(diffusers, str(name), None)
    if scheduler is None:
        raise ValueError(f"unknown scheduler {name!r}")
    return scheduler.from_pretrained(folder / "scheduler", **settings)
