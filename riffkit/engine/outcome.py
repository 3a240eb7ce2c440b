"""The outcome of a task, and how it is sent back from its worker."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from riffkit.errors import RiffkitError, WorkerError

Task = Callable[[Any], Any]
Name = Callable[[Any], str]  # an item's name in messages

_AHEAD = 8  # items a worker that may be under way or done before the oldest one is handed out
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """The outcome of one item: its result, or the error that its task raised."""

    result: Any = None
    error: BaseException | None = None


def attempt(function: Task, item: Any) -> Outcome:
    """Run one task in its worker; an error becomes a value that can be pickled."""
    try:
        return Outcome(function(item))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)).rstrip())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # its class may want more than a message
            return Outcome(error=RuntimeError(f"{type(error).__name__}: {error}"))
        return Outcome(error=error)


def with_item(error: BaseException, name: str) -> BaseException:
    """The same error, with its item named in the message."""
    if isinstance(error, RiffkitError):
        return type(error)(f"{name}: {error}").with_traceback(error.__traceback__)
    error.add_note(f"at {name}")
    return error


def in_order(
    submit: Callable[[Any], Callable[[], Outcome]], items: Iterable[Any], n_workers: int, name: Name
) -> Iterator[Any]:
    """Results in the items' order; `submit` starts a task and returns a call that waits for it."""
    pending: deque[tuple[Any, Callable[[], Outcome]]] = deque()

    def oldest() -> Any:
        item, wait = pending.popleft()
        try:
            outcome = wait()
        except WorkerError as error:
            raise with_item(error, name(item)) from error
        if outcome.error is not None:
            raise with_item(outcome.error, name(item))
        return outcome.result

    for item in items:
        pending.append((item, submit(item)))
        if len(pending) >= _AHEAD * n_workers:
            yield oldest()
    while pending:
        yield oldest()


def one_thread() -> None:
    """Limit this process to one thread, whether torch is imported already or later."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
