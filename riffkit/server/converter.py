"""A second process for what decodes and encodes files, so that a damaged one can't end the server.

It is started with the first call, does one thing at a time, and is started again when it died or
took too long. What it can do is in conversions.py.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from riffkit.engine.processes import ignore_interrupts, uninterrupted
from riffkit.errors import RiffkitError, WorkerError

_log = logging.getLogger(__name__)
_USUAL_SECONDS = 300.0
ValueT = TypeVar("ValueT")


class Converter:
    """Runs functions in its process, one after the other in the order of the calls."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._line = ThreadPoolExecutor(1, thread_name_prefix="converter")

    async def run(
        self, function: Callable[..., ValueT], *values: Any, seconds: float = _USUAL_SECONDS
    ) -> ValueT:
        """What a function of a module gives; it, its values and its result can be pickled.

        Raises:
            RiffkitError: as the function does.
            WorkerError: the process died, or took longer than `seconds`.
        """
        loop = asyncio.get_running_loop()
        found: ValueT = await loop.run_in_executor(self._line, self.call, function, values, seconds)
        return found

    def call(self, function: Callable[..., Any], values: Any, seconds: float) -> Any:
        """`run`, for the thread of the line."""
        pipe = self._started()
        try:
            pipe.send((function, values))
            if not pipe.poll(seconds):
                self._stop()
                raise WorkerError(
                    f"the file took longer than {seconds:g} s to read or write, and was given up; "
                    "use a shorter one"
                )
            error, found = pipe.recv()
        except (EOFError, OSError) as reason:
            code = self._stop()
            _log.warning("the converter died (exit code %s) in %s", code, function.__name__)
            raise WorkerError(
                "the file could not be read or written: it may be damaged, or too large for this "
                "machine's memory; export it again"
            ) from reason
        if error is not None:
            raise error
        return found

    def start(self) -> None:
        """Nothing is started before the first call."""

    def stop(self) -> None:
        """End the process; a call that it is in fails."""
        self._stop()
        self._line.shutdown(wait=True, cancel_futures=True)
        self._stop()

    def _started(self) -> Connection:
        if self._process is not None and self._process.is_alive() and self._pipe is not None:
            return self._pipe
        self._stop()
        context = multiprocessing.get_context("spawn")
        mine, its = context.Pipe()
        process = context.Process(target=_serve, args=(its,), name="riffkit-converter", daemon=True)
        with uninterrupted():
            process.start()
        its.close()  # so that its death is heard here
        self._process, self._pipe = process, mine
        return mine

    def _stop(self) -> int | None:
        """Kill the process, if there is one; its exit code."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.kill()
        process.join()
        return process.exitcode


def _serve(pipe: Connection) -> None:
    """Answer calls until the server closes the pipe, or dies."""
    ignore_interrupts()
    while True:
        try:
            function, values = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[RiffkitError | None, Any]
        try:
            answer = None, function(*values)
        except RiffkitError as error:
            answer = type(error)(str(error)), None
        except Exception:
            _log.exception("%s failed", function.__name__)
            answer = WorkerError("the file could not be read or written; export it again"), None
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return
