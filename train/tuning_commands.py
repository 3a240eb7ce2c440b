"""Training on a dataset folder: train lora, train full."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.errors import ParameterError

# The names of train/settings.py, which would bring pydantic in here; None leaves one to the
# file or the default.
FLAGS: dict[str, tuple[Any, str]] = {
    "model": (str, "bundled name, folder, or hub id to begin with"),
    "images": (int, "images to have seen at the end; more go on with a finished run"),
    "batch_size": (int, "images a step, over all processes"),
    "accumulation": (int, "go through a step's images in so many parts, to save memory"),
    "learning_rate": (float, "the highest, after the warm-up"),
    "warmup_images": (int, "images over which the learning rate rises"),
    "weight_decay": (float, "AdamW's"),
    "ema_decay": (float, "of the average of the weights, which is what is kept"),
    "min_snr_gamma": (float, "min-SNR weighting; 0 counts all noise levels alike"),
    "caption_dropout": (float, "share of images without a caption"),
    "text_encoder": (bool, "train the text encoder too"),
    "trigger": (str, "word that leads every caption"),
    "prior_images": (int, "pictures of the base model to train on beside, so that it keeps them"),
    "prior_prompts": (list[str], "what they show; may be given again; default: known styles"),
    "prior_weight": (float, "how much they count"),
    "prior_share": (float, "prior pictures for each image of a step"),
    "gradient_checkpointing": (bool, "compute twice, to save memory"),
    "optimizer": (str, "adamw, or adamw8bit with bitsandbytes"),
    "precision": (str, "auto, no, bf16 or fp16"),
    "device": (str, "auto, cpu, cuda or mps"),
    "seed": (int, "same seed, same run"),
    "log_images": (int, "images from one logged line to the next"),
    "checkpoint_images": (int, "images from one checkpoint to the next"),
    "keep": (int, "how many checkpoints stay"),
    "sample_images": (int, "images from one set of samples in TensorBoard to the next; 0: none"),
    "sample_prompts": (list[str], "what samples are made of; may be given again"),
    "rank": (int, "of the LoRA"),
    "alpha": (float, "of the LoRA; 0: the rank"),
    "targets": (list[str], "UNet layers that it changes, by the end of their names"),
    "text_targets": (list[str], "the text encoder's"),
    "max_megabytes": (float, "the file's size; a larger one keeps its strongest directions"),
    "kohya": (bool, "write the file in kohya's layout too"),
}
LORA_FLAGS = ("rank", "alpha", "targets", "text_targets", "max_megabytes", "kohya")
_SINGULAR = {
    "prior_prompts": "--prior-prompt",
    "sample_prompts": "--sample-prompt",
    "targets": "--target",
    "text_targets": "--text-target",
}

Dataset = Annotated[Path, typer.Argument(help="folder that `riff dataset build` wrote")]
Run = Annotated[Path, typer.Argument(help="folder of the training run")]
Config = Annotated[Path | None, typer.Option(help="TOML file of these options, '-' as '_'")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print the settings as TOML, and stop")]


def with_flags(command: Callable[..., None], names: tuple[str, ...]) -> Callable[..., None]:
    """The command with a flag for each name, in the place of its `**flags`."""
    parameters = [
        p
        for p in inspect.signature(command, eval_str=True).parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    for name in names:
        kind, text = FLAGS[name]
        option = typer.Option(*([_SINGULAR[name]] if name in _SINGULAR else []), help=text)
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )
        )
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def lora(
    data: Dataset, run: Run, config: Config = None, dry_run: DryRun = False, **flags: Any
) -> None:
    """Teach a model the music of a dataset folder, as a LoRA for `--lora`.

    RUN/pytorch_lora_weights.safetensors is what diffusers loads too. It goes on where it stopped
    when it is run again. On several processes: accelerate launch -m cli train lora DATASET RUN.
    """
    from train.settings import LoraSettings, read_settings

    _tune(data, run, read_settings(LoraSettings, config, flags), dry_run=dry_run)


def full_on_dataset(data: Path, run: Path, config: Path | None, dry_run: bool, flags: Any) -> None:
    """`riff train full RUN --data DATASET`."""
    from train.settings import FullSettings, read_settings

    _tune(data, run, read_settings(FullSettings, config, flags), dry_run=dry_run)


def _tune(data: Path, run: Path, settings: Any, *, dry_run: bool) -> None:
    from train.settings import to_toml

    if dry_run:
        print(to_toml(settings), end="")
        return
    check_installed("peft", "tensorboard")
    from train.tuning_run import tune

    for line in tune(data, run, settings):
        print_line(line)


def check_installed(*packages: str) -> None:
    """Raise ParameterError where a package of the extra `train` is missing."""
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise ParameterError(
                f"{package} is not installed; get it with `pip install riffkit[train]`"
            )


def print_line(line: dict[str, float]) -> None:
    print("  ".join(f"{name} {value:.6g}" for name, value in line.items()), flush=True)
