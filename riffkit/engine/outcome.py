"""What becomes of a task, and how it travels back from its worker."""

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
    """What became of one item: its result, or the error that its task raised."""

    result: Any = None
    error: BaseException | None = None


def attempt(function: Task, item: Any) -> Outcome:
    """One task in its worker: an error of it is a value that surely can be sent back."""
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
    """The same error, which names its item."""
    if isinstance(error, RiffkitError):
        return type(error)(f"{name}: {error}").with_traceback(error.__traceback__)
    error.add_note(f"at {name}")
    return error


def in_order(
    submit: Callable[[Any], Callable[[], Outcome]], items: Iterable[Any], n_workers: int, name: Name
) -> Iterator[Any]:
    """Results in the items' order of tasks that `submit` starts; its call waits for an outcome."""
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
    """Let this process compute with one thread, whether torch is there already or comes later."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
