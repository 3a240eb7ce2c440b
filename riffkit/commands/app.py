"""The command line `riff`: parse, one call into riffkit, one printed line.

Importing this module imports neither torch nor diffusers, so that `riff --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

import riffkit
from riffkit.commands import composing, exporting, files, judging, models, serving
from riffkit.commands import words as known_words
from riffkit.commands.messages import as_options, set_command, usage
from riffkit.commands.painting import add_tasks
from riffkit.errors import RiffkitError
from riffkit.memory import collect_seldom, keep_freed_memory

_GROUPS = {
    "train": ("riffkit.commands.training", "Train a model on your own music."),
    "dataset": ("riffkit.commands.dataset", "Turn a folder of audio into a captioned dataset."),
}


def _print_version(wanted: bool) -> bool:
    if wanted:
        print(f"riff {riffkit.__version__}")
        raise typer.Exit
    return wanted


_Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print riffkit's version."
    ),
]
_Debug = Annotated[bool, typer.Option("--debug", help="Log to stderr and show tracebacks.")]


def application(words: Collection[str] | None = None) -> typer.Typer:
    """The command line. Given the `words` it will parse, it builds only what those need."""
    app = typer.Typer(
        name="riff",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    add_tasks(app, words)
    is_asked = words is None or "compose" in words
    app.command("compose", help=composing.compose.__doc__)(
        composing.command() if is_asked else lambda: None
    )
    serving.add_serving(app, words is None or not {"serve", "studio"}.isdisjoint(words))
    for commands in (files, judging, known_words):
        app.add_typer(commands.app)
    exporting.add_exporters(app, words is None or "export" in words)
    app.add_typer(models.app, name="models")
    for name, (module, text) in _GROUPS.items():
        if words is None or name in words:
            group = importlib.import_module(module).app
            if name == "train" and (Path(riffkit.__file__).parents[1] / "pyproject.toml").exists():
                group = importlib.import_module("train.commands").added_to(group)  # a checkout's
            app.add_typer(group, name=name, short_help=text)
        else:
            app.command(name, help=text)(lambda: None)
    return app


def _root(version: _Version = False, debug: _Debug = False) -> None:
    """Music by spectrogram-image diffusion, offline on a laptop."""


def main() -> NoReturn:
    """Entry point: a user's mistake exits 2 with one line, Ctrl-C 130, other failures 1.

    `--debug` may appear anywhere.
    """
    # Threads that wait should sleep, not spin: beside another busy program spinning makes a
    # generation ten times slower, and alone sleeping costs about a tenth.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    collect_seldom()
    words = sys.argv[1:]
    debug = "--debug" in words
    if not debug:  # notes to users are riffkit's own
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if debug:
        words = [word for word in words if word != "--debug"]
        _log_to_stderr()
    try:
        command = get_command(application(words))
        set_command(command, words)
        code = command(words, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        if isinstance(error, RiffkitError):
            _fail(as_options(str(error)), 2)
        if hasattr(error, "format_message"):  # an unknown option, a missing argument
            _fail(usage(error), 2)
        hint = "" if debug else " (--debug shows more)"
        _fail(f"{type(error).__name__}: {error}{hint}", 1)
    if code == 130:  # typer's code for Ctrl-C
        _fail("stopped", 130)
    sys.exit(code)


def _log_to_stderr() -> None:
    import logging
    import platform

    logging.basicConfig(
        stream=sys.stderr, format="%(relativeCreated)7.0f ms  %(name)s  %(message)s"
    )
    log = logging.getLogger("riffkit")
    log.setLevel(logging.DEBUG)
    log.debug(
        "riffkit %s, Python %s, %s",
        riffkit.__version__,
        sys.version.split()[0],
        platform.platform(),
    )


def _fail(message: str, code: int) -> NoReturn:
    several_lines = "\n" in message.strip()  # the help, for a command without arguments
    print(message if several_lines else f"riff: {message}", file=sys.stderr)
    sys.exit(code)
