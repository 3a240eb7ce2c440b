"""`riff train`: train a model on your own music."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, get_args, get_origin

import typer

from riffkit.commands.printing import loading
from riffkit.errors import ParameterError


def check_installed(*packages: str) -> None:
    """Raise ParameterError where a package of the extra `train` is missing."""
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise ParameterError(f"{package} is not installed; run `pip install riffkit[train]`")


check_installed("pydantic")

from riffkit.training.settings import (  # noqa: E402
    FullSettings,
    LoraSettings,
    TuningSettings,
    read_settings,
    to_toml,
)

app = typer.Typer(
    no_args_is_help=True,
    help="""Train a model on a dataset folder (from `riff dataset build`).

\b
    riff train lora DATASET RUN
    riff generate "your music" --lora RUN
    riff train full RUN --data DATASET
    riff generate "your music" --model RUN/model

Run a command again to resume its training.
""",
)

Dataset = Annotated[Path, typer.Argument(help="Folder written by `riff dataset build`.")]
Run = Annotated[Path, typer.Argument(help="Folder of the training run.")]
Config = Annotated[
    Path | None, typer.Option(help="TOML file with these options, '_' instead of '-'.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the settings as TOML and exit.")]


@app.callback()
def prepare() -> None:
    """Let diffusers and transformers be imported."""
    from riffkit.audio.torchaudio_compat import prepare as prepare_imports

    prepare_imports()


def with_flags(command: Callable[..., None], kind: type[TuningSettings]) -> Callable[..., None]:
    """The command with an option for each setting, passed as `**flags`; None if not given."""
    given = signature(command, eval_str=True).parameters.values()
    parameters = [one for one in given if one.kind is not Parameter.VAR_KEYWORD]
    for name, field in kind.model_fields.items():
        value: Any = field.annotation
        text = field.description or TuningSettings.model_fields[name].description or ""
        names, metavar = [], None
        if get_origin(value) is tuple:  # one value at a time
            one_value = get_args(value)[0]
            value, metavar = GenericAlias(list, one_value), f"<{one_value.__name__}>"
            names = [f"--{name.replace('_', '-').removesuffix('s')}"]
            text = f"{text.removesuffix('.')}; repeatable."
        option = typer.Option(*names, metavar=metavar, help=text)
        annotation = Annotated[value | None, option]
        parameters.append(
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        )
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def lora(
    data: Dataset, run: Run, config: Config = None, dry_run: DryRun = False, **flags: Any
) -> None:
    """Train a LoRA on a dataset folder, for `--lora RUN`.

    diffusers can load RUN/pytorch_lora_weights.safetensors too. Run it again to resume. On several
    GPUs: accelerate launch -m riffkit train lora DATASET RUN.
    """
    _tune(data, run, read_settings(LoraSettings, config, flags), dry_run=dry_run)


def full(
    run: Run,
    data: Annotated[Path, typer.Option(help="Folder written by `riff dataset build`.")],
    config: Config = None,
    dry_run: DryRun = False,
    **flags: Any,
) -> None:
    """Fine-tune all weights of a model on a dataset folder, for `--model RUN/model`."""
    _tune(data, run, read_settings(FullSettings, config, flags), dry_run=dry_run)


app.command()(with_flags(lora, LoraSettings))
app.command()(with_flags(full, FullSettings))


def _tune(data: Path, run: Path, settings: TuningSettings, *, dry_run: bool) -> None:
    if dry_run:
        print(to_toml(settings), end="")
        return
    check_installed("peft", "tensorboard")
    with loading(quiet=False):
        from riffkit.training.tuning_run import tune
    for line in tune(data, run, settings):
        print_line(line)


def print_line(line: dict[str, float]) -> None:
    """A logged line of a training."""
    print("  ".join(f"{name} {value:.6g}" for name, value in line.items()), flush=True)
