"""What commands print: results to stdout, notes, progress and "loading …" to stderr.

A bar is hidden while a line is printed, so that the line stands alone and is wrapped by nobody.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from riffkit.commands.messages import as_options

if TYPE_CHECKING:
    from rich.progress import Progress

_SHOWN: list[Progress] = []


def say(facts: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result, as text or as a line of JSON."""
    print_line(json.dumps(facts, ensure_ascii=False) if as_json else text)


def show_notes(notes: tuple[str, ...], *, quiet: bool) -> None:
    for note in () if quiet else notes:
        print_line(f"note: {as_options(note)}", error=True)


def print_line(text: str, *, error: bool = False) -> None:
    """Print a line where a bar may be shown."""
    for bar in _SHOWN:
        bar.stop()
    stream: IO[str] = sys.stderr if error else sys.stdout
    print(text, file=stream, flush=bool(_SHOWN))
    for bar in _SHOWN:
        bar.start()


@contextmanager
def loading(*, quiet: bool) -> Iterator[None]:
    """Show "loading …" on a terminal: importing torch and reading a model takes seconds."""
    with _bar("loading …", quiet=quiet):
        yield


@contextmanager
def progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A transient progress bar on stderr; yields the callback that advances it."""
    with _bar(quiet=quiet) as bar:
        if bar is None:
            yield lambda: None
            return
        row = bar.add_task(what, total=total)
        yield lambda: bar.advance(row)


@contextmanager
def painting_bar(n_calls: int, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for the denoising steps of `n_calls` calls; yields an `on_step` callback."""
    with _bar(quiet=quiet) as bar:
        if bar is None:
            yield lambda done, total: None
            return
        row = bar.add_task("painting", total=None)
        yield lambda done, total: bar.update(row, total=total * n_calls, advance=1)


@contextmanager
def _bar(word: str | None = None, *, quiet: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, gone when it is done; a `word` alone has no bar. None elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    columns = () if word is None else ("{task.description}",)
    shown = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    if word is not None:
        shown.add_task(word, total=None)
    with beside_lines(shown):
        yield shown


@contextmanager
def beside_lines(bar: Progress) -> Iterator[None]:
    """Show a bar, which lines that are printed meanwhile hide."""
    with bar:
        _SHOWN.append(bar)
        try:
            yield
        finally:
            _SHOWN.remove(bar)
