"""Named stages on stderr: a bar on a terminal, in a log a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from riffkit.commands.printing import beside_lines, print_line
from riffkit.progress import Advance, Begin, silent

_EVERY_SECONDS = 15.0
"""Between two lines of a log."""
_SHORTEST_SECONDS = 10.0
"""A stage shorter than this isn't worth a line of a log, where a mistake should stand alone."""


@contextmanager
def stages(*, quiet: bool) -> Iterator[Begin]:
    """Show the stages of the block; the bars are gone after it."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bars() as begin:
            yield begin
    else:
        lines = _Lines()
        yield lines
        lines.end()


@contextmanager
def _bars() -> Iterator[Begin]:
    """One bar, that of the stage that runs."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    progress = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    with beside_lines(progress):

        def begin(what: str, total: int | None = None, done: int = 0) -> Advance:
            for old in progress.task_ids:
                progress.remove_task(old)
            count = _count(done, total)
            task = progress.add_task(what, total=total, completed=done, count=count, note="")

            def advance(n: int = 1, note: str = "") -> None:
                nonlocal done
                done += n
                progress.update(task, completed=done, count=_count(done, total), note=note)

            return advance

        yield begin


class _Lines:
    """A stage with steps has a line every 15 s and a last one; another has one at its end."""

    def __init__(self) -> None:
        self._what, self._is_counted = "", False
        self._begun = time.monotonic()

    def __call__(self, what: str, total: int | None = None, done: int = 0) -> Advance:
        self.end()
        self._what, self._is_counted, self._begun = what, total is not None, time.monotonic()
        first, said = done, self._begun

        def advance(n: int = 1, note: str = "") -> None:
            nonlocal done, said
            done += n
            now = time.monotonic()
            if total is None or now - said < (_EVERY_SECONDS if done < total else 0):
                return
            said, elapsed = now, now - self._begun
            if done < total:
                left = f"{duration(elapsed * (total - done) / (done - first))} left"
                _say(what, _count(done, total), note, left)
            elif elapsed >= _SHORTEST_SECONDS:
                _say(what, _count(done, total), note, duration(elapsed))

        return advance

    def end(self) -> None:
        """Say how long a stage without steps took."""
        elapsed = time.monotonic() - self._begun
        if self._what and not self._is_counted and elapsed >= _SHORTEST_SECONDS:
            _say(self._what, duration(elapsed))


def _say(what: str, *parts: str) -> None:
    print_line(f"{what}: {', '.join(filter(None, parts))}", error=True)


def _count(done: int, total: int | None) -> str:
    return "" if total is None else f"{done:,} of {total:,}"


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
