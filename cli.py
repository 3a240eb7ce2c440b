"""The command line `riff`: parse, one call into riffkit, one printed line.

Importing this module imports neither torch nor diffusers, so that `riff --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Collection
from typing import NoReturn

import typer

from riffkit.commands import files, judging, models
from riffkit.commands.painting import add_tasks
from riffkit.errors import RiffkitError
from riffkit.memory import keep_freed_memory

_GROUPS = {
    "train": ("train.commands", "Train on your own music, or from nothing."),
    "dataset": ("train.dataset.commands", "From a folder of audio to a captioned dataset."),
}


def application(words: Collection[str] | None = None) -> typer.Typer:
    """The command line; with the `words` that it is to read it is built faster."""
    app = typer.Typer(
        name="riff",
        help="Music by spectrogram-image diffusion, offline on a laptop.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    add_tasks(app, words)
    for commands in (files, judging):
        app.add_typer(commands.app)
    app.add_typer(models.app, name="models")
    for name, (module, text) in _GROUPS.items():
        if words is None or name in words:
            app.add_typer(importlib.import_module(module).app, name=name, short_help=text)
        else:
            app.command(name, help=text)(lambda: None)
    return app


def main() -> None:
    """Entry point: a user's mistake exits 2 with one line, Ctrl-C 130, other failures 1."""
    # Threads that wait should sleep, not spin: beside another busy program spinning makes a
    # generation ten times slower, and alone sleeping costs about a tenth.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    try:
        code = application(sys.argv[1:])(standalone_mode=False)
    except RiffkitError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        if hasattr(error, "format_message"):  # an unknown option, a missing argument
            _fail(error.format_message(), 2)
        _fail(f"{type(error).__name__}: {error}", 1)
    if code == 130:  # typer's code for Ctrl-C
        _fail("stopped", 130)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    several_lines = "\n" in message.strip()  # the help, for a command without arguments
    print(message if several_lines else f"riff: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
