"""The painting commands, one per task, with options made from its inputs and request fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from riffkit.commands.batch import Engine, Workers, put_batch
from riffkit.commands.loading import Loading
from riffkit.commands.options import (
    Bits,
    BitsName,
    Force,
    Json,
    Output,
    Quiet,
    Rate,
    explicit,
    output_paths,
    put,
    storage_of,
)
from riffkit.commands.parameters import (
    annotated,
    is_argument,
    of_field,
    of_request,
    parameter,
    with_parameters,
)
from riffkit.commands.printing import painting_bar, show_notes
from riffkit.errors import ParameterError
from riffkit.music.fields import about_of
from riffkit.music.registry import tasks
from riffkit.music.request import PaintRequest
from riffkit.music.task import Call, Input, Task, files_of
from riffkit.music.values import call_of, random_seed

_Count = Annotated[int, typer.Option(help="Number of clips, each with the next seed.")]


def add_tasks(app: typer.Typer, words: Collection[str] | None = None) -> None:
    """Add a command for each task, and `batch` for many calls.

    `words` are the command line's. Commands that it doesn't name get a name and help only:
    building the options of all of them would take most of the time of `riff --help`.
    """
    for task in tasks().values():
        is_asked = words is None or task.name in words
        app.command(task.name, help=_help(task))(_command(task) if is_asked else _unasked)
    if words is None or "batch" in words:
        app.command("batch")(with_parameters(batch, _batch_parameters()))
    else:
        app.command("batch", help=batch.__doc__)(_unasked)


def _unasked() -> None:
    """Never run: gives a command that isn't asked for its line in `riff --help`."""


def batch(ctx: Any, **values: Any) -> None:
    """Make a clip from each row of a file.

    Clips are named OUTPUT/NNN-<its words>.wav. A text file has one prompt per line; .jsonl and .csv
    rows name the task's options and may name a `task`. Options given here apply to rows that don't
    set them. Existing clips are kept: run the command again to resume.
    """
    common = {name: values.pop(name) for name in (*_COMMON, *_LISTED, "count", "task")}
    loading = Loading(**{field.name: values.pop(field.name) for field in fields(Loading)})
    file = values.pop("file")
    put_batch(file, explicit(ctx, values), loading=loading, **common)


def _batch_parameters() -> list[Parameter]:
    file = Annotated[Path, typer.Argument(help="Text, .jsonl or .csv file.")]
    task = Annotated[str, typer.Option(help="Task for rows that don't name one.")]
    _, bits, rate, *talk = annotated(_COMMON)
    folder = typer.Option("-o", "--output", help="Folder for the clips. Default: the file's name.")
    output = parameter("output", Path | None, folder, None)
    named = {"task": (task, "generate"), "count": (_Count, 1), **_LISTED}
    first = annotated({"file": (file, Parameter.empty)})
    options = [*annotated(named), *of_request(PaintRequest), *of_loading()]
    return [*first, output, bits, rate, *options, *talk]


def _help(task: Task[Any]) -> str:
    if task.from_list is None:
        return task.summary
    return (
        f"{task.summary}\n\n--{task.from_list} makes a clip from each row, named "
        "OUTPUT/NNN-<its words>.wav. Options apply to rows that don't set them. Existing clips "
        "are kept: run the command again to resume."
    )


def _command(task: Task[Any]) -> Callable[..., None]:
    def run(ctx: Any, **values: Any) -> None:
        common = {name: values.pop(name) for name in _COMMON}
        loading = Loading(**{field.name: values.pop(field.name) for field in fields(Loading)})
        count = values.pop("count", 1) if task.count is None else 1
        listed = {name: values.pop(name, None) for name in ("prompts_file", "engine", "workers")}
        given = explicit(ctx, values)
        if count < 1:
            raise ParameterError(f"count={count}: must be at least 1")
        file = listed.pop("prompts_file")
        if task.from_list is not None and (given.get("prompt") is None) == (file is None):
            reason = "missing; give one, or a list with" if file is None else "can't go with"
            raise ParameterError(f"prompt: {reason} --{task.from_list} FILE")
        if file is None:
            if of_lists := sorted(explicit(ctx, listed)):
                raise ParameterError(
                    f"--{of_lists[0]}: is for lists alone; add --{task.from_list} FILE"
                )
            _make(task, given, loading, count, **common)
        else:
            put_batch(file, given, task=task.name, count=count, loading=loading, **listed, **common)

    return with_parameters(run, parameters_of(task))


_COMMON: dict[str, Any] = {
    "output": (Output, None),
    "bits": (Bits, None),
    "sample_rate": (Rate, None),
    "force": (Force, False),
    "as_json": (Json, False),
    "quiet": (Quiet, False),
}
_LISTED: dict[str, Any] = {"engine": (Engine, "local"), "workers": (Workers, None)}


def _make(
    task: Task[Any],
    given: Mapping[str, Any],
    loading: Loading,
    count: int,
    *,
    output: Path | None,
    bits: BitsName | None,
    sample_rate: int | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    first: Call[Any] = call_of(task, given, seed=random_seed())
    from riffkit.music.outputs import check_stems, check_target, targets_of

    n_each = task.n_clips(first.request)
    inputs = [*files_of(first), *loading.check()]
    paths = output_paths(output, first.title, count * n_each)
    storage = storage_of(bits, sample_rate, *paths)
    targets = targets_of(paths, inputs=inputs, force=force)
    for target in targets if getattr(first.request, "stems", False) else ():
        check_stems(target.stems, inputs=inputs, force=force)
    sheet = _sheet_path(output or paths[0]) if task.count is not None else None
    if sheet is not None:
        check_target(sheet, inputs=inputs, force=force)
    calls = [
        replace(first, request=replace(first.request, seed=first.request.seed + index))
        for index in range(count)
    ]
    pipeline = loading.pipeline(quiet=quiet)
    from riffkit.music.run import perform, prepare
    from riffkit.music.session import Session
    from riffkit.spectrogram.image import save_sheet

    opened = None
    with painting_bar(count, quiet=quiet) as on_step:
        for index, call in enumerate(calls):
            session = Session(pipeline, on_step=on_step, stems_folder=targets[index * n_each].stems)
            prepared = prepare(session, call, opened)
            opened = prepared.opened
            clips = perform(session, prepared)
            mine = targets[index * n_each : (index + 1) * n_each]
            if sheet is not None:
                images = {one.audio.name: clip.image for one, clip in zip(mine, clips, strict=True)}
                sources = {
                    Path(call.inputs[name]).name: one.image
                    for name, one in prepared.opened.items()
                    if name == "clip"
                }
                save_sheet(sheet, {**sources, **images})
            for target, clip in zip(mine, clips, strict=True):
                notes = tuple(note for note in clip.notes if note not in pipeline.notes)
                show_notes((*target.notes, *notes), quiet=quiet)
                put(clip, target, storage, as_json=as_json)


def _sheet_path(path: Path) -> Path:
    return path.with_stem(f"{path.stem}-sheet").with_suffix(".png")


def parameters_of(task: Task[Any]) -> list[Parameter]:
    """A task's inputs and fields, and the common options, as arguments and options."""
    about, hints = about_of(task.request), get_type_hints(task.request)
    found = [_of_input(one) for one in task.inputs if one.name not in about]
    has_script = any(one.expand is not None for one in task.inputs)  # whose values come first
    # a request's own fields before those that all have
    ordered = sorted(fields(task.request), key=lambda field: field.name in _SHARED)
    for field in ordered:
        if not about[field.name].in_files_only:
            is_optional = task.from_list is not None and field.name == "prompt"
            made = of_field(field, about[field.name], hints[field.name], is_optional)
            get_args(made.annotation)[1].show_default = not has_script
            found.append(made)
    more = []
    if task.from_list is not None:
        text = "File of prompts, one per line, or .jsonl or .csv with fields."
        option = typer.Option(f"--{task.from_list}", help=text)
        more = [parameter("prompts_file", Path | None, option, None), *annotated(_LISTED)]
    if task.count is None:
        more += annotated({"count": (_Count, 1)})
    arguments = [one for one in found if is_argument(one)]
    options = [one for one in found if not is_argument(one)]
    written, talk = annotated(_COMMON)[:3], annotated(_COMMON)[3:]
    return [*arguments, *written, *more, *options, *of_loading(), *talk]


_SHARED = {field.name for field in fields(PaintRequest)}


def of_loading() -> list[Parameter]:
    """The fields of `Loading`."""
    hints = get_type_hints(Loading, include_extras=True)
    return annotated({field.name: (hints[field.name], field.default) for field in fields(Loading)})


def _of_input(one: Input) -> Parameter:
    if one.positional:
        argument = typer.Argument(metavar=one.name.upper(), help=one.help)
        return parameter(one.name, Path, argument, Parameter.empty)
    has_names = one.names is not tuple
    option = typer.Option(help=one.help)
    return parameter(one.name, str | None if has_names else Path | None, option, None)
