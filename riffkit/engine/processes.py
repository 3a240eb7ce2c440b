"""Tasks on this computer's spawned processes.

multiprocessing.Pool would wait for ever for the result of a process that was killed, and
concurrent.futures lets running tasks go on after Ctrl-C; here each process has a thread of this
one that serves it and sees it die.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from riffkit.engine.outcome import Name, Outcome, Task, attempt, in_order, one_thread
from riffkit.errors import WorkerError
from riffkit.memory import collect_seldom


def in_processes(function: Task, items: Iterable[Any], n: int, name: Name) -> Iterator[Any]:
    """As `run_tasks`, on `n` processes."""
    idle: SimpleQueue[Connection] = SimpleQueue()

    def task(item: Any) -> Outcome:
        connection = idle.get()
        try:
            connection.send((function, item))
            return connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerError(
                "its process died, perhaps out of memory; try fewer workers"
            ) from error
        finally:
            idle.put(connection)

    threads = ThreadPoolExecutor(n)

    def submit(item: Any) -> Callable[[], Outcome]:
        return threads.submit(task, item).result

    try:
        with _processes(n) as connections:
            for connection in connections:
                idle.put(connection)
            yield from in_order(submit, items, n, name)
    finally:  # the processes are gone, so no thread waits for one
        threads.shutdown(cancel_futures=True)


@contextmanager
def _processes(n: int) -> Iterator[list[Connection]]:
    """Connections to `n` spawned processes, which are terminated at the end of the block."""
    spawn = get_context("spawn")
    processes, connections = [], []
    try:
        with uninterrupted():
            for _ in range(n):
                ours, theirs = spawn.Pipe()
                process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
                connections.append(ours)
        yield connections
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for its end, and processes that begin in it don't see one as they start."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which would unblock it, as it starts with the first one
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """In a worker: Ctrl-C reaches the whole group, but it is the parent that ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _serve(connection: Connection) -> None:
    """A worker's life: it ends with the process that spawned it, whatever it is doing."""
    import threading

    ignore_interrupts()
    collect_seldom()
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    one_thread()
    with suppress(EOFError, OSError):
        while True:
            outcome = _next(connection)
            try:
                connection.send(outcome)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                connection.send(Outcome(error=TypeError(f"a result can't be pickled: {error}")))


def _next(connection: Connection) -> Outcome:
    try:
        function, item = connection.recv()
    except (EOFError, OSError):
        raise
    except Exception as error:  # a function of a module that can't be imported here
        return Outcome(error=RuntimeError(f"a task can't be unpickled: {error}"))
    return attempt(function, item)
