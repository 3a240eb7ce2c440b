"""Starts the worker, hands it one job after the other, and starts it again when it dies.

One thread does that; what it hears of a job goes into the store, where streams read it.
"""

from __future__ import annotations

import base64
import logging
import pickle
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from riffkit.engine.processes import uninterrupted
from riffkit.errors import OutputError, RiffkitError
from riffkit.music.fields import about_of
from riffkit.music.task import Call
from riffkit.server import worker
from riffkit.server.answers import RefusalError
from riffkit.server.as_json import clip_json
from riffkit.server.folder import Folder, clip_ids, clip_stems
from riffkit.server.models import check_model, default_name, location
from riffkit.server.references import References
from riffkit.server.schema import Submitted, calls_of, task_of, with_seed
from riffkit.server.settings import Settings
from riffkit.server.store import JobRow, Store, new_id

_log = logging.getLogger(__name__)
_MOST_DEATHS = 3
_SHUTDOWN_SECONDS = 3
_ROOM_SECONDS = 5.0  # until it is seen whether a full disk has room again
_DIED = "the worker died of it three times, perhaps for want of memory; ask for fewer bars or clips"
_NEVER = "the worker dies while it loads the model, perhaps for want of memory"
_LEAST_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.25, 8.0
_PAUSE_SECONDS = (0.0, 1.0, 5.0, 20.0)  # before it is started again, once it died while loading


class QueueFullError(RefusalError):
    """There are as many waiting jobs as may be."""

    def __init__(self, most: int) -> None:
        super().__init__(429, f"{most} jobs are waiting already; try again later", Retry_After="10")


class _Process(NamedTuple):
    process: Any
    connection: Connection


class Supervisor:
    """The queue and the process that works on it."""

    def __init__(self, settings: Settings, store: Store, folder: Folder) -> None:
        self._settings, self._store, self._folder = settings, store, folder
        self._references = References(store, folder)
        self._lock = threading.RLock()
        self._worker: _Process | None = None
        self._running: str | None = None
        self._problem: str | None = None  # why no job begins, though some wait
        self._state: worker.Loading | worker.Loaded = worker.Loading(default_name(settings))
        self._is_ready = False  # since it was started, the worker has loaded a model, or failed to
        self._n_early_deaths = 0
        self._heard: deque[Any] = deque()
        self._ears, self._bell = get_context("spawn").Pipe(duplex=False)
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the worker; jobs that were running when the server stopped wait again."""
        for job in self._store.unfinished_jobs():
            if job.cancelling:
                self._store.end_job(job.id, "cancelled")
            elif job.state == "running":
                self._store.requeue(job.id, deaths=job.deaths)
        self._thread.start()

    def stop(self) -> None:
        """End the worker; its job waits for the next start."""
        self._is_stopping = True
        self._ring()
        self._thread.join()
        if self._running is not None and (row := self._store.job(self._running)) is not None:
            self._put_back(row, deaths=0)

    def submit(self, asked: Submitted) -> JobRow:
        """Put a job into the queue.

        Raises RiffkitError for what can't be made, in the library's words, and QueueFullError.
        """
        asked = with_seed(asked)
        self._folder.check_room(self._settings.limits.least_free_bytes)
        model = check_model(asked.model, self._settings)
        calls = calls_of(asked, self._references)
        first, most = calls[0], self._settings.limits.queue_length
        row = JobRow(
            id=new_id(),
            task=asked.task,
            title=self._title(asked, first),
            request=asked.request,
            inputs={name: text for name, text in asked.inputs.items() if text is not None},
            model=model,
            count=len(calls) * first.task.n_clips(first.request),
        )
        with self._lock:
            if self._store.n_jobs("queued") >= most:
                raise QueueFullError(most)
            self._store.add_job(row)
        self._ring()
        return row

    def cancel(self, job: str) -> None:
        """Cancel a job: at once in the queue, within a step if it is running."""
        with self._lock:
            if job != self._running:
                self._store.end_job(job, "cancelled")
                return
            self._store.set_job(job, cancelling=True)  # kept, if the server is killed now
            self._tell(worker.Cancel(job))

    @property
    def health(self) -> dict[str, Any]:
        """How it is, the model, the device, the queue, and why it waits if something is wrong."""
        state, store = self._state, self._store
        is_ready = isinstance(state, worker.Loaded) and state.error is None
        error = state.error if isinstance(state, worker.Loaded) else None
        return {
            "status": "ok" if is_ready else "failed" if error else "loading",
            "model": {"name": state.name, "ready": is_ready, "error": error},
            "device": state.device if isinstance(state, worker.Loaded) else None,
            "queue": {
                "waiting": store.n_jobs("queued"),
                "running": store.n_jobs("running"),
                "most": self._settings.limits.queue_length,
            },
            "problem": self._problem,
        }

    def _title(self, asked: Submitted, call: Call[Any]) -> str:
        """A call's title, with its inputs by the names that the user knows."""
        given = {**asked.request, **asked.inputs}
        titles = self._references.titles({name: given[name] for name in call.inputs})
        fields = about_of(type(call.request))
        request = replace(call.request, **{k: v for k, v in titles.items() if k in fields})
        return call.task.title(request, titles)

    # the thread

    def _run(self) -> None:
        pause = _LEAST_PAUSE_SECONDS
        try:
            while not self._is_stopping:
                try:
                    self._turn()
                    pause = _LEAST_PAUSE_SECONDS
                except Exception as error:  # it is tried again
                    is_full = isinstance(error, sqlite3.OperationalError)
                    _log.error("the queue waits: %s", error, exc_info=not is_full)
                    time.sleep(pause)
                    pause = min(2 * pause, _MOST_PAUSE_SECONDS)
        finally:
            self._end_worker()

    def _turn(self) -> None:
        """Start the worker if there is none, give it a job if it has none, hear what it says."""
        if self._worker is None:
            self._begin_worker()
        if self._worker is None:
            return
        self._take_heard()
        self._give_next()
        process, connection = self._worker
        again = None if self._problem is None else _ROOM_SECONDS
        ready = wait([connection, process.sentinel, self._ears], again)
        if self._ears in ready:
            while self._ears.poll():
                self._ears.recv_bytes()
        if connection in ready or process.sentinel in ready:
            self._hear(connection)
            if not process.is_alive():
                self._bury()

    def _begin_worker(self) -> None:
        settings = self._settings
        pause = _PAUSE_SECONDS[min(self._n_early_deaths, len(_PAUSE_SECONDS) - 1)]
        if pause and self._ears.poll(pause) and self._is_stopping:
            return
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        name = default_name(settings)
        is_hopeless = self._n_early_deaths >= _MOST_DEATHS
        self._state = worker.Loaded(name, error=_NEVER) if is_hopeless else worker.Loading(name)
        with uninterrupted():
            process = context.Process(
                target=worker.run,
                args=(theirs, self._model(name)),
                name="riffkit worker",
                daemon=True,
            )
            process.start()
        theirs.close()
        self._worker = _Process(process, ours)

    def _end_worker(self) -> None:
        if self._worker is not None:
            process, connection = self._worker
            connection.close()  # which ends it
            process.join(_SHUTDOWN_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def _give_next(self) -> None:
        """Hand the next job to the worker, if it has a model and is idle, and there is room."""
        problem = None
        while (
            self._is_ready and self._running is None and (row := self._store.next_job()) is not None
        ):
            try:
                self._folder.check_room(self._settings.limits.least_free_bytes)
            except OutputError as error:
                problem = str(error)
                break
            self._hand_over(row)
        self._problem = problem

    def _hand_over(self, row: JobRow) -> None:
        """Start a job, or end it if it can't be painted."""
        with self._lock:
            if not self._store.start_job(row.id):
                return
            try:
                job = self._paint(row)
                pickle.dumps(job)
            except RiffkitError as error:
                self._store.end_job(row.id, "failed", error=str(error))
            except (pickle.PicklingError, AttributeError, TypeError):
                reason = f"task={row.task!r}: define its functions in a module, so that the "
                self._store.end_job(row.id, "failed", error=f"{reason}worker finds them")
            else:
                self._running = row.id
                self._tell(job)

    def _paint(self, row: JobRow) -> worker.Paint:
        """A job as the worker takes it."""
        count = row.count if task_of(row.task).count is None else 1
        asked = Submitted(row.task, row.request, row.inputs, count, row.model)
        ids = clip_ids(row)
        return worker.Paint(
            job=row.id,
            title=row.title,
            calls=tuple(calls_of(asked, self._references)),
            ids=tuple(ids),
            targets=tuple(self._folder.target(stem) for stem in clip_stems(row)),
            model=self._model(row.model),
            done=frozenset(row.made),
        )

    def _model(self, name: str) -> worker.Model:
        settings = self._settings
        is_own = name == default_name(settings)
        return worker.Model(
            name,
            location(name, settings),
            settings.loras if is_own else (),
            settings.device,
            {"dtype": settings.dtype, "compile": settings.compile, "offload": settings.offload},
        )

    def _hear(self, connection: Connection) -> None:
        """Take all messages that are there; one that can't be stored waits for the next turn."""
        with suppress(EOFError, OSError):
            while connection.poll():
                self._heard.append(connection.recv())
        self._take_heard()

    def _take_heard(self) -> None:
        while self._heard:
            self._take(self._heard[0])
            self._heard.popleft()

    def _take(self, message: Any) -> None:
        store = self._store
        if isinstance(message, worker.Loaded):
            self._state, self._is_ready = message, True
        elif isinstance(message, worker.Loading):
            self._state = message if self._n_early_deaths < _MOST_DEATHS else self._state
        elif isinstance(message, worker.Progress):
            with suppress(sqlite3.Error):  # the next one will do
                store.progress(message.job, message.clip, message.step, message.steps)
        elif isinstance(message, worker.Preview):
            image = f"data:image/png;base64,{base64.b64encode(message.png).decode()}"
            with suppress(sqlite3.Error):
                store.preview(message.job, message.clip, image)
        elif isinstance(message, worker.Made):
            store.finish_clip(message.row, clip_json(message.row))
        elif isinstance(message, worker.Ended):
            self._end(message)

    def _end(self, ended: worker.Ended) -> None:
        with self._lock:
            self._store.end_job(ended.job, ended.state, error=ended.error, notes=ended.notes)
            self._running = None

    def _bury(self) -> None:
        """The worker died: its job waits again, unless it is what the worker died of."""
        assert self._worker is not None
        process, connection = self._worker
        _log.warning("the worker died (exit code %s)", process.exitcode)
        self._folder.remove_unfinished()
        with self._lock:
            if self._running is not None and (row := self._store.job(self._running)) is not None:
                self._put_back(row, deaths=row.deaths + 1)
            self._n_early_deaths = 0 if self._is_ready else self._n_early_deaths + 1
            self._worker = self._running = None
            self._is_ready = False
        process.join()
        connection.close()

    def _put_back(self, row: JobRow, *, deaths: int) -> None:
        """A job that lost its worker, which died of it that often."""
        if row.cancelling:
            self._store.end_job(row.id, "cancelled")
        elif deaths >= _MOST_DEATHS:
            self._store.end_job(row.id, "failed", error=_DIED)
        else:
            self._store.requeue(row.id, deaths=deaths)

    def _tell(self, message: Any) -> None:
        if self._worker is not None:
            with suppress(OSError):  # it has died, which the thread sees
                self._worker.connection.send(message)

    def _ring(self) -> None:
        with suppress(OSError):
            self._bell.send_bytes(b"!")
