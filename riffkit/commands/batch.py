"""A clip for each row of a file: `riff batch`, and `--prompts`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from riffkit.commands.loading import Loading
from riffkit.commands.messages import as_options
from riffkit.commands.options import BitsName, described, storage_of
from riffkit.commands.printing import loading as show_loading
from riffkit.commands.printing import print_line, progress, say, show_notes
from riffkit.errors import ParameterError

Engine = Annotated[str, typer.Option(help="For lists: local, or ray for a cluster.")]
Workers = Annotated[
    int | None, typer.Option(help="For lists: number of processes.  [default: one per core]")
]


def put_batch(
    file: Path,
    defaults: Mapping[str, Any],
    *,
    output: Path | None,
    bits: BitsName | None,
    sample_rate: int | None,
    task: str,
    loading: Loading,
    count: int,
    engine: str,
    workers: int | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a clip for each row into the folder `output` and print a line for each; a note
    shared by several clips is printed once. By default the folder is named after the file.

    `defaults` are for rows that don't set a value themselves. Failures are printed to stderr, and
    the command then exits with 1.
    """
    if count < 1:
        raise ParameterError(f"count={count}: must be at least 1")
    storage = storage_of(bits, sample_rate, Path("clip.wav"))
    from riffkit.atomic import check_output_folder
    from riffkit.engine import check_engine
    from riffkit.music.batch_list import read_batch
    from riffkit.music.values import random_seed

    entries = read_batch(file, task=task)
    asked_seed, shared = defaults.get("seed"), {k: v for k, v in defaults.items() if k != "seed"}
    for entry in entries:
        entry.call(shared, seed=0)  # report mistakes before heavy imports
    folder = file.with_suffix("") if output is None else output
    check_engine(engine, workers)
    check_output_folder(folder)
    loading.check()
    with show_loading(quiet=quiet):
        from riffkit.music.batch import list_calls, make_all

    calls = list_calls(
        entries,
        folder,
        seed=random_seed() if asked_seed is None else asked_seed,
        any_seed=asked_seed is None,
        count=count,
        defaults=shared,
    )
    n_clips = sum(len(call.paths) for call in calls)
    made_clips = make_all(
        calls, loading.arguments, engine=engine, workers=workers, force=force, storage=storage
    )
    n_failed, shown = 0, set[str]()
    with progress("painting", n_clips, quiet=quiet) as advance:
        for made in made_clips:
            advance()
            if made.error:
                n_failed += 1
                _say_failure(made, as_json=as_json)
                continue
            show_notes(tuple(n for n in made.notes if n not in shown), quiet=quiet)
            shown.update(made.notes)
            facts, text = described(made.path, made.image, made.seconds, made.grid, made.recipe)
            text += ", kept" if made.kept else ""
            say({**facts, "kept": made.kept}, text, as_json=as_json)
    if n_failed:
        print(
            f"riff: {n_failed} of {n_clips} clips failed; run the command again to retry them",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def _say_failure(made: Any, *, as_json: bool) -> None:
    print_line(f"riff: {made.path}: {as_options(made.error)}", error=True)
    if as_json:
        say({"audio": str(made.path), "error": made.error}, "", as_json=True)
