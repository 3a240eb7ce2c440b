"""The entry point: run a function on many items, locally or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from riffkit.engine.outcome import with_item
from riffkit.errors import ParameterError

ENGINES = ("local", "ray")

Item = TypeVar("Item")
Result = TypeVar("Result")


def check_engine(engine: str, workers: int | None) -> None:
    """Raise ParameterError for an unknown engine, or less than one worker."""
    if engine not in ENGINES:
        raise ParameterError(f"engine={engine!r}: must be one of {', '.join(ENGINES)}")
    if workers is not None and workers < 1:
        raise ParameterError(f"workers={workers}: must be at least 1")


def run_tasks(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    engine: str = "local",
    workers: int | None = None,
    name: Callable[[Item], str] = str,
    gpu: bool = True,
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the items' order, as results become ready.

    `function` is one that a process can import by its name; items and results can be pickled, and
    items are drawn a few ahead of the results. "local" spawns `workers` processes (by default one
    a core that this process may use); a single worker is this process itself. "ray" takes the
    cluster of RAY_ADDRESS or the one that runs on this machine, else starts one here for as long
    as it works. Where the cluster has GPUs they are spread over the workers (by default one each),
    unless these tasks use none (`gpu` False). Processes compute with one thread each.

    The first error ends it: a RiffkitError keeps its class, its message headed by the item as
    `name` calls it; any other is raised as it is, with the item in a note. A worker that dies is
    a WorkerError. However it ends, closed or by Ctrl-C too, no worker of it stays.
    """
    check_engine(engine, workers)
    if engine == "ray":
        from riffkit.engine.cluster import on_ray

        return on_ray(function, items, workers, name, gpu=gpu)
    n_workers = workers or available_cores()
    if isinstance(items, Sized):
        n_workers = min(n_workers, max(1, len(items)))
    if n_workers == 1:
        return _here(function, items, name)
    from riffkit.engine.processes import in_processes

    return in_processes(function, items, n_workers, name)


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(
    function: Callable[[Item], Result], items: Iterable[Item], name: Callable[[Item], str]
) -> Iterator[Result]:
    for item in items:
        try:
            result = function(item)
        except Exception as error:
            raise with_item(error, name(item)) from None
        yield result
