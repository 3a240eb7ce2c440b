"""A clip of each prompt of a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from riffkit.commands.options import chosen_seed, described, progress, say, show_notes


def put_list(
    prompts: Path,
    output: Path | None,
    defaults: Mapping[str, Any],
    *,
    loading: Mapping[str, Any],
    seed: int | None,
    count: int,
    engine: str,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make the clips into the folder `output`, by default named as the file, and say each; a note
    that several have is said once.

    A clip that fails is said on stderr; in the end the command exits with 1.
    """
    from riffkit.music.many import list_clips, make_clips
    from riffkit.music.prompt_list import read_prompt_list

    entries = read_prompt_list(prompts)
    clips = list_clips(
        entries,
        prompts.with_suffix("") if output is None else output,
        seed=chosen_seed(seed),
        any_seed=seed is None,
        count=count,
        defaults=defaults,
    )
    made_clips = make_clips(clips, loading, engine=engine, workers=workers)
    n_failed, shown = 0, set[str]()
    with progress("painting", len(clips), quiet=quiet) as advance:
        for made in made_clips:
            advance()
            if made.error:
                n_failed += 1
                _say_failure(made, as_json=as_json)
                continue
            show_notes(tuple(n for n in made.notes if n not in shown), quiet=quiet)
            shown.update(made.notes)
            facts, text = described(made.path, made.seconds, made.grid, made.recipe)
            text += ", kept as it was" if made.kept else ""
            say({**facts, "kept": made.kept}, text, as_json=as_json)
    if n_failed:
        print(
            f"riff: {n_failed} of {len(clips)} clips failed; run it again to try only these",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def _say_failure(made: Any, *, as_json: bool) -> None:
    print(f"riff: {made.path}: {made.error}", file=sys.stderr)
    if as_json:
        say({"audio": str(made.path), "error": made.error}, "", as_json=True)
