"""The settings of `riff train lora` and `riff train full`, from options or a TOML file."""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from riffkit.errors import ParameterError
from riffkit.training.config import LoopConfig, Optimizer, Precision

LORA_TARGETS = (
    "conv1",
    "conv2",
    "conv_shortcut",
    "time_emb_proj",
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "proj_in",
    "proj_out",
    "net.0.proj",
    "net.2",
)
"""The UNet layers that a LoRA adapts: attention, convolutions, and the layers between."""
TEXT_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")

Settings = TypeVar("Settings", bound="TuningSettings")


def _about(text: str, default: Any, **limits: Any) -> Any:
    return Field(default, description=text, **limits)


class TuningSettings(BaseModel):
    """Settings of both kinds of training. Progress is counted in images, not steps.

    0 disables `min_snr_gamma`, `prior_images` and `sample_images`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = _about("Model to start from: bundled name, folder, or hub id.", "mini")
    images: int = Field(
        8_000, gt=0, description="Images to train on in all; raise it to continue a finished run."
    )
    batch_size: int = _about("Images per step, over all processes.", 8, gt=0)
    accumulation: int = Field(
        1, gt=0, description="Split each step into this many parts to save memory."
    )
    learning_rate: float = _about("Peak learning rate, after warm-up.", 1e-3, gt=0)
    warmup_images: int = _about("Images over which the learning rate rises.", 400, ge=0)
    weight_decay: float = _about("Weight decay of AdamW.", 0.01, ge=0)
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="Decay of the saved weight average (EMA)."
    )
    min_snr_gamma: float = Field(
        5.0, ge=0, description="Min-SNR loss weighting; 0 weights all noise levels alike."
    )
    caption_dropout: float = Field(
        0.1, ge=0, lt=1, description="Fraction of images trained without a caption."
    )
    text_encoder: bool = _about("Train the text encoder too.", False)
    trigger: str = _about("Word that starts every caption.", "")
    prior_images: int = Field(
        0, ge=0, description="Images made by the base model to train on, against forgetting."
    )
    prior_prompts: tuple[str, ...] = Field(
        (), description="Prompts of the prior images. Default: the model's styles."
    )
    prior_weight: float = _about("Weight of the prior images in the loss.", 1.0, ge=0)
    prior_share: float = _about("Prior images per training image.", 1.0, gt=0, le=4)
    gradient_checkpointing: bool = _about("Recompute activations to save memory.", False)
    optimizer: Optimizer = _about("adamw, or adamw8bit (needs bitsandbytes).", "adamw")
    precision: Precision = _about("auto, no, bf16 or fp16.", "auto")
    device: str = _about("auto, cpu, cuda or mps.", "auto")
    seed: int = _about("Same seed, same run.", 0, ge=0)
    log_images: int = _about("Images between logged lines.", 80, gt=0)
    checkpoint_images: int = _about("Images between checkpoints.", 1_000, gt=0)
    keep: int = _about("Checkpoints to keep.", 3, gt=0)
    sample_images: int = Field(
        2_000, ge=0, description="Images between samples in TensorBoard. 0: none."
    )
    sample_prompts: tuple[str, ...] = _about("Prompts of the samples.", ())

    def loop(self) -> LoopConfig:
        """The part of the settings that the training loop uses."""
        names = (
            "images",
            "batch_size",
            "accumulation",
            "learning_rate",
            "warmup_images",
            "weight_decay",
            "ema_decay",
            "optimizer",
            "precision",
            "device",
            "seed",
            "log_images",
            "checkpoint_images",
            "keep",
        )
        values = {name: getattr(self, name) for name in names}
        return LoopConfig(**values, sample_images=self.sample_images or None)


class LoraSettings(TuningSettings):
    """Settings of a LoRA; `alpha` 0 means the same as the rank.

    Captions aren't dropped by default: guidance leads away from the unconditional prediction, which
    would otherwise become the dataset's music.
    """

    images: int = Field(
        6_000, gt=0, description="Images to train on in all; raise it to continue a finished run."
    )
    caption_dropout: float = Field(
        0.0, ge=0, lt=1, description="Fraction of images trained without a caption."
    )
    rank: int = _about("Rank of the LoRA.", 16, gt=0)
    alpha: float = _about("Alpha of the LoRA. 0: same as the rank.", 0.0, ge=0)
    targets: tuple[str, ...] = Field(
        LORA_TARGETS, description="UNet layers to adapt, by name ending."
    )
    text_targets: tuple[str, ...] = Field(TEXT_TARGETS, description="Text encoder layers to adapt.")
    max_megabytes: float = Field(
        10.0, gt=0, description="Maximum file size; the rank is reduced to fit."
    )
    kohya: bool = _about("Also write the file in kohya's layout.", False)


class FullSettings(TuningSettings):
    """Settings of a fine-tuning of all weights."""

    learning_rate: float = Field(2e-4, gt=0)
    ema_decay: float = Field(
        0.995, ge=0, lt=1, description="Decay of the saved weight average (EMA)."
    )


FREE = (
    "device",
    "precision",
    "accumulation",
    "gradient_checkpointing",
    "keep",
    "kohya",
    "max_megabytes",
    "log_images",
    "checkpoint_images",
    "sample_images",
    "sample_prompts",
)
"""Settings that may change when a run is resumed: where and how it computes and what it shows."""


def read_settings(kind: type[Settings], config: Path | None, flags: dict[str, Any]) -> Settings:
    """The settings of a TOML file, overridden by flags (None: not given).

    ParameterError for an invalid value or an unknown name, suggesting the nearest.
    """
    values = {} if config is None else _read_toml(config)
    where = "" if config is None else f"config {config.name}: "
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ParameterError(where + _first_fault(error, kind)) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParameterError(f"config={str(path)!r}: no such file") from error
    except (OSError, ValueError) as error:
        raise ParameterError(f"config={str(path)!r}: is not valid TOML ({error})") from error


def _first_fault(error: ValidationError, kind: type[TuningSettings]) -> str:
    fault = error.errors()[0]
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, kind.model_fields, n=1, cutoff=0.0)
        return f"unknown name {name!r}; did you mean {near[0]!r}?"
    reason = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{name}={fault['input']!r}: {reason}"


def to_toml(settings: TuningSettings) -> str:
    """The settings as a file that `--config` reads."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in settings.model_dump().items())


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def check_same_settings(old: dict[str, Any], new: TuningSettings, run: Path) -> None:
    """Raise ParameterError if a run was started with other settings; `images` may grow."""
    now = json.loads(new.model_dump_json())
    for name, value in now.items():
        if name == "images" and value > old.get(name, value):
            continue
        if name not in FREE and name in old and old[name] != value:
            raise ParameterError(
                f"run={str(run)!r}: was started with {name}={old[name]!r}, not {value!r}; "
                "use the same value or another folder"
            )
