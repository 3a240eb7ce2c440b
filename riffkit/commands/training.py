"""`riff train`: train a model on your own music."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Collection
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, get_args, get_origin

import typer

from riffkit.commands.loading import Loading
from riffkit.commands.options import Json, Quiet
from riffkit.commands.printing import say, show_notes
from riffkit.errors import ParameterError


def check_installed(*packages: str) -> None:
    """Raise ParameterError where a package of the extra `train` is missing."""
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise ParameterError(f"{package} is not installed; run `pip install 'riffkit[train]'`")


check_installed("pydantic")

from riffkit.commands.stages import duration, stages  # noqa: E402
from riffkit.dataset.resolve import DEFAULT_MODEL  # noqa: E402
from riffkit.training.plan import MODEL_FOLDER, SAMPLES, TuningPlan, kind_of, plan_tuning  # noqa: E402
from riffkit.training.settings import (  # noqa: E402
    FullSettings,
    LoraSettings,
    TuningSettings,
    read_settings,
    to_toml,
)

app = typer.Typer(
    no_args_is_help=True,
    help="""Train a model on a folder of songs, or a dataset (from `riff dataset build`).

\b
    riff train genre NAME SONGS
    riff generate "NAME" --lora NAME/lora
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
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Look at the dataset, print what would be done as TOML, exit."),
]


def with_flags(
    command: Callable[..., None], kind: type[TuningSettings], names: Collection[str] = ()
) -> Callable[..., None]:
    """The command with an option for each setting (or those of `names`), passed as `**flags`.

    They are None if not given.
    """
    given = signature(command, eval_str=True).parameters.values()
    parameters = [one for one in given if one.kind is not Parameter.VAR_KEYWORD]
    for name, field in kind.model_fields.items():
        if names and name not in names:
            continue
        value: Any = field.annotation
        text = field.description or TuningSettings.model_fields[name].description or ""
        words, metavar = [], None
        if get_origin(value) is tuple:  # one value at a time
            one_value = get_args(value)[0]
            value, metavar = GenericAlias(list, one_value), f"<{one_value.__name__}>"
            words = [f"--{name.replace('_', '-').removesuffix('s')}"]
            text = f"{text.removesuffix('.')}; repeatable."
        if (default := _shown(field.default)) and "Default:" not in text:
            text = f"{text}  [default: {default}]"
        option = typer.Option(*words, metavar=metavar, help=text)
        annotation = Annotated[value | None, option]
        parameters.append(
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        )
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return ", ".join(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def lora(
    data: Dataset,
    run: Run,
    config: Config = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Train a LoRA on a dataset folder, for `--lora RUN`.

    diffusers can load RUN/pytorch_lora_weights.safetensors too. Run it again to resume. On several
    GPUs: accelerate launch -m riffkit train lora DATASET RUN.
    """
    settings = read_settings(LoraSettings, config, flags)
    _tune(data, run, settings, dry_run=dry_run, as_json=as_json, quiet=quiet)


def full(
    run: Run,
    data: Annotated[Path, typer.Option(help="Folder written by `riff dataset build`.")],
    config: Config = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Fine-tune all weights of a model on a dataset folder, for `--model RUN/model`."""
    settings = read_settings(FullSettings, config, flags)
    _tune(data, run, settings, dry_run=dry_run, as_json=as_json, quiet=quiet)


def genre(
    name: Annotated[str, typer.Argument(help="Word for the genre; it starts your prompts.")],
    songs: Annotated[Path, typer.Argument(help="Folder of songs: WAV, FLAC, OGG or MP3.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for all that is made. Default: the name."),
    ] = None,
    clips: Annotated[
        int, typer.Option(help="Clips to judge by, before and after. 0: don't judge.")
    ] = 64,
    workers: Annotated[
        int | None, typer.Option(help="Processes that cut the songs. Default: one per core.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done and exit.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Turn a folder of songs into a LoRA of their genre, and report what it learned.

    Builds a dataset, trains with the recommended recipe and judges the result. Run it again to
    resume.
    """
    from riffkit.engine import check_engine
    from riffkit.genre.plan import plan_genre

    settings = read_settings(LoraSettings, None, flags)
    Loading(model=settings.model, device=settings.device).check()
    check_engine("local", workers)
    plan = plan_genre(name, songs, output, settings, clips=clips)
    if dry_run:
        say({"plan": plan.lines()}, "\n".join(plan.lines()), as_json=as_json)
        return
    check_installed("peft", "tensorboard")
    from riffkit.commands.models import fetch_missing

    fetch_missing(settings.model, quiet=quiet)
    with stages(quiet=quiet) as begin:
        begin("loading")
        from riffkit.genre.train import train_genre

        made = train_genre(
            plan.name,
            songs,
            plan.output,
            settings,
            clips=clips,
            workers=workers,
            usage=lambda prompt, lora: play_command(prompt, lora, settings),
            begin=begin,
        )
    show_notes(made.notes, quiet=quiet)
    facts = {
        "lora": str(made.lora),
        "report": str(made.report),
        "prompt": made.prompt,
        "command": made.usage,
        "lines": list(made.lines),
        "scores": made.scores,
    }
    text = (*made.lines, f"report: {made.report}", f"{made.lora}; now: {made.usage}")
    say(facts, "\n".join(text), as_json=as_json)


app.command()(with_flags(genre, LoraSettings, ("model", "images", "device", "seed")))
app.command()(with_flags(lora, LoraSettings))
app.command()(with_flags(full, FullSettings))


def _tune(
    data: Path, run: Path, settings: TuningSettings, *, dry_run: bool, as_json: bool, quiet: bool
) -> None:
    Loading(model=settings.model, device=settings.device).check()
    plan = plan_tuning(data, run, settings)
    if dry_run:
        words = [*plan.lines(), f"then: {play_command(plan.prompt, run, settings)}"]
        comments = "".join(f"# {line}\n" for line in words)
        facts = {"plan": words, "settings": settings.model_dump(mode="json")}
        say(facts, f"{comments}{to_toml(settings)}".rstrip(), as_json=as_json)
        return
    check_installed("peft", "tensorboard")
    from riffkit.commands.models import fetch_missing

    is_first = os.environ.get("RANK", "0") == "0"  # of several processes
    fetch_missing(settings.model, quiet=quiet or not is_first)
    begun = time.monotonic()
    figures: dict[str, float] = {}
    with stages(quiet=quiet or not is_first) as begin:
        begin("loading")
        from riffkit.training.tuning_run import result_of, tune

        for line in tune(data, run, settings, begin=begin):
            figures |= line
    if is_first:
        _say_result(result_of(run, settings), plan, figures, time.monotonic() - begun, as_json)


def play_command(prompt: str, run: Path, settings: TuningSettings) -> str:
    """The command that makes a clip with what a run has made."""
    words = ["riff", "generate", prompt]
    if not isinstance(settings, LoraSettings):
        return shlex.join([*words, "--model", str(run / MODEL_FOLDER)])
    if settings.model != DEFAULT_MODEL:
        words += ["--model", settings.model]
    return shlex.join([*words, "--lora", str(run)])


def _say_result(
    result: Path, plan: TuningPlan, figures: dict[str, float], seconds: float, as_json: bool
) -> None:
    settings = plan.settings
    command = play_command(plan.prompt, plan.run, settings)
    facts = {
        kind_of(settings): str(result),
        **{name: round(value, 5) for name, value in figures.items()},
        "seconds": round(seconds, 1),
        "samples": str(plan.run / SAMPLES) if settings.sample_images else None,
        "command": command,
    }
    text = f"{result}: {settings.images:,} images, {duration(seconds)}; now: {command}"
    say(facts, text, as_json=as_json)
