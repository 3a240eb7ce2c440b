"""Local models: `riff models list`, `show`, `pull` and `remove`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from riffkit.commands.options import Json, Quiet
from riffkit.commands.printing import say
from riffkit.commands.shown import model_lines
from riffkit.errors import ModelError, ParameterError

app = typer.Typer(help="List, download and remove models.", no_args_is_help=True)
HubModel = Annotated[
    str, typer.Argument(metavar="ID", help="Hub id: owner/name[/FILE][@REVISION][:VARIANT].")
]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List available models and vocoders, including the hub cache."""
    from riffkit.models.catalogue import list_models as at_hand

    facts = at_hand()
    say({"models": facts}, "\n".join(f"{m['name']}  {m['about']}" for m in facts), as_json=as_json)


@app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(help="Bundled name, folder, file, or hub id.")],
    as_json: Json = False,
) -> None:
    """Show a model's parts, spectrograms and defaults, without downloading it."""
    from riffkit.models.catalogue import describe_model

    facts = describe_model(model)
    say(facts, "\n".join(model_lines(facts)), as_json=as_json)


@app.command("pull")
def pull_model(model: HubModel, as_json: Json = False, quiet: Quiet = False) -> None:
    """Download a model from the hub. Interrupted downloads resume."""
    from riffkit.models.hub.cache import size_in_words
    from riffkit.models.hub.fetch import pull
    from riffkit.models.hub.hub_id import parse_hub_id

    hub_id = parse_hub_id(model)
    with downloading(model, quiet=quiet) as on_progress:
        pulled = pull(hub_id, on_progress)
    facts = {
        "model": str(hub_id),
        "path": str(pulled.path),
        "revision": pulled.commit,
        "bytes": pulled.n_bytes,
        "downloaded_bytes": pulled.downloaded_bytes,
    }
    fetched = f"{size_in_words(pulled.downloaded_bytes)} downloaded now"
    text = f"{pulled.path}: {size_in_words(pulled.n_bytes)}, "
    text += fetched if pulled.downloaded_bytes else "already complete"
    say(facts, text, as_json=as_json)


def fetch_missing(model: str, *, quiet: bool) -> None:
    """Download a hub id that a command is about to load, unless it is cached."""
    from riffkit.models.hub.cache import cached
    from riffkit.models.hub.fetch import pull
    from riffkit.models.hub.hub_id import is_hub_id, parse_hub_id

    if is_hub_id(model) and not Path(model).exists() and cached(parse_hub_id(model)) is None:
        with downloading(model, quiet=quiet) as on_progress:
            pull(parse_hub_id(model), on_progress)


@app.command("remove")
def remove_model(
    model: Annotated[str, typer.Argument(metavar="ID", help="Hub id: owner/name[@REVISION].")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a model from the hub cache."""
    from riffkit.models.hub.cache import check_stored, remove, size_in_words, stored_bytes
    from riffkit.models.hub.hub_id import is_hub_id, parse_hub_id

    if not is_hub_id(model) or Path(model).expanduser().exists():
        raise ModelError(
            f"model={model!r}: not in the hub cache; only cached models can be removed; "
            "see `riff models list`"
        )
    hub_id = parse_hub_id(model)
    check_stored(hub_id)
    if not yes and not _confirmed(f"Remove {hub_id} ({size_in_words(stored_bytes(hub_id.repo))})?"):
        say({"model": model, "freed_bytes": 0}, f"{model}: kept", as_json=as_json)
        return
    freed = remove(hub_id)
    say(
        {"model": model, "freed_bytes": freed},
        f"{model}: removed, {size_in_words(freed)} freed",
        as_json=as_json,
    )


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ParameterError("models remove: can't ask for confirmation here; give --yes")
    return typer.confirm(question, err=True)


@contextmanager
def downloading(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A transient progress bar of bytes on stderr; yields the callback that updates it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
