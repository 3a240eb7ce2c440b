"""The process that holds the model: it takes jobs over a pipe, and sends back what became of them.

It is spawned by supervisor.py, which imports this module for its messages: torch is imported within
the process alone. It ends when the pipe does, so that none is left when a server is killed.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from riffkit.atomic import sign_temporaries
from riffkit.engine.processes import ignore_interrupts
from riffkit.errors import ParameterError, RiffkitError
from riffkit.memory import collect_seldom, keep_freed_memory
from riffkit.music.task import Call
from riffkit.server.facts import row_of
from riffkit.server.folder import OWNER
from riffkit.server.store import ClipRow, State

if TYPE_CHECKING:
    from torch import Tensor

    from riffkit.models.pipeline import Pipeline
    from riffkit.music.clip import Clip
    from riffkit.music.outputs import Target
    from riffkit.music.preview import Preview as Sketch

_log = logging.getLogger(__name__)
_LEAST_SECONDS = 0.05  # between two messages of progress
_PREVIEW_SECONDS = 0.4  # between two previews
_PREVIEW_SHARE = 0.1  # of the time that a painting takes


@dataclass(frozen=True)
class Model:
    """What `load_pipeline` is given."""

    name: str
    location: str
    loras: tuple[str, ...] = ()
    device: str = "auto"
    compute: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Paint:
    """A job: its calls in order, and for each clip its id and files. Those in `done` are made."""

    job: str
    title: str
    calls: tuple[Call[Any], ...]
    ids: tuple[str, ...]
    targets: tuple[Target, ...]
    model: Model
    done: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Cancel:
    job: str


@dataclass(frozen=True)
class Loading:
    """A model is being loaded."""

    name: str


@dataclass(frozen=True)
class Loaded:
    """A model is there; or why not."""

    name: str
    device: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Progress:
    job: str
    clip: int
    step: int
    steps: int


@dataclass(frozen=True)
class Preview:
    """A small picture of what the clip looks like so far."""

    job: str
    clip: int
    png: bytes


@dataclass(frozen=True)
class Made:
    """A clip whose files are written."""

    job: str
    row: ClipRow


@dataclass(frozen=True)
class Ended:
    """A job is over: done, or failed with an error, or cancelled."""

    job: str
    state: State
    error: str | None = None
    notes: tuple[str, ...] = ()


class CancelledError(Exception):
    """Stops a painting between two steps."""


def run(connection: Connection, model: Model) -> None:
    """The worker's life, which ends with its pipe."""
    ignore_interrupts()
    keep_freed_memory()
    collect_seldom()
    sign_temporaries(OWNER)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # sent to the whole group: the server ends it
    worker = Worker(connection)
    threading.Thread(target=worker.follow, daemon=True).start()
    worker.load(model)
    while True:
        worker.work(worker.next())


class Worker:
    """One model, and the job that it paints."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[Paint] = SimpleQueue()
        self._cancelled: set[str] = set()
        self._pipeline: Pipeline | None = None
        self._model: Model | None = None
        self._preview: Sketch | None = None
        self._preview_of: Model | None = None

    def follow(self) -> None:
        """Take messages until the pipe ends, and the process with it, whatever it is doing."""
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Cancel):
                    self._cancelled.add(message.job)
                else:
                    self._jobs.put(message)
        except (EOFError, OSError):
            os._exit(1)

    def next(self) -> Paint:
        """The next job, once there is one; until then there is time to fit the previews."""
        if self._jobs.empty():
            self._fit_preview()
        return self._jobs.get()

    def load(self, model: Model) -> None:
        """Load a model before a job asks for it, and say whether that went well."""
        try:
            self._loaded(model)
        except Exception as error:
            self.send(Loaded(model.name, error=_sentence(error)))

    def work(self, job: Paint) -> None:
        """Paint a job's clips, and say how it ended."""
        notes: dict[str, None] = {}
        try:
            self.check(job)
            pipeline = self._loaded(job.model)
            opened = None
            for index in range(len(job.calls)):
                opened = self._paint(pipeline, job, index, opened, notes)
            ended = Ended(job.job, "done", notes=tuple(notes))
        except CancelledError:
            ended = Ended(job.job, "cancelled")
        except Exception as error:
            ended = Ended(job.job, "failed", error=_sentence(error))
        self._cancelled.discard(job.job)
        self.send(ended)

    def _paint(
        self, pipeline: Pipeline, job: Paint, index: int, opened: Any, notes: dict[str, None]
    ) -> Any:
        """Paint and write the clips of one call; the files it has opened."""
        from riffkit.audio.encoding import Storage
        from riffkit.music.outputs import write_clip
        from riffkit.music.run import perform, prepare
        from riffkit.music.session import Session

        call = job.calls[index]
        n_each = call.task.n_clips(call.request)
        numbers = range(index * n_each, (index + 1) * n_each)
        if job.done.issuperset(numbers):
            return opened
        report = _Report(self, job, numbers[0])
        target = job.targets[numbers[0]]
        session = Session(
            pipeline, on_step=report.step, on_latents=report.latents, stems_folder=target.stems
        )
        prepared = prepare(session, call, opened)
        clips = perform(session, prepared)
        self.check(job)
        for number, clip in zip(numbers, clips, strict=True):
            if number in job.done:
                continue
            own = tuple(note for note in clip.notes if note not in pipeline.notes)
            notes.update(dict.fromkeys(own))
            with_stems = write_clip(clip, job.targets[number], Storage(None, None))
            self.send(Made(job.job, _row(job, number, clip, own, with_stems)))
        return prepared.opened

    def _loaded(self, model: Model) -> Pipeline:
        """The model, loaded if it isn't the one that is there."""
        if self._pipeline is not None and model == self._model:
            return self._pipeline
        self._pipeline = self._model = None
        self.send(Loading(model.name))
        from riffkit.models.compute import Compute
        from riffkit.models.pipeline import load_pipeline

        pipeline = load_pipeline(
            model.location, device=model.device, loras=model.loras, compute=Compute(**model.compute)
        )
        self._pipeline, self._model = pipeline, model
        self.send(Loaded(model.name, device=str(pipeline.device)))
        return pipeline

    def preview_for(self, model: Model) -> Sketch | None:
        """What shows a painting of that model before it is done, if anything does."""
        return self._preview if self._preview_of == model else None

    def _fit_preview(self) -> None:
        if self._pipeline is None or self._preview_of == self._model:
            return
        from riffkit.music.preview import Preview as Sketch

        self._preview, self._preview_of = None, self._model
        with suppress(ParameterError):  # its images have other rows than those that it is fitted to
            self._preview = Sketch.of(self._pipeline)

    def check(self, job: Paint) -> None:
        """Raise CancelledError if a job is cancelled."""
        if job.job in self._cancelled:
            raise CancelledError

    def send(self, message: Any) -> None:
        """Tell the server, without which the process ends."""
        try:
            self._connection.send(message)
        except OSError:
            os._exit(1)


class _Report:
    """Tells of one call's steps, and stops it where it is cancelled."""

    def __init__(self, worker: Worker, job: Paint, clip: int) -> None:
        self._worker, self._job, self._clip = worker, job, clip
        self._last = self._next_preview = 0.0
        self._begun = time.monotonic()
        self._spent = self._cost = 0.0  # seconds, of all previews and of the last one

    def step(self, done: int, total: int) -> None:
        """Called after each step; raises CancelledError for a job that is cancelled."""
        self._worker.check(self._job)
        now = time.monotonic()
        if now - self._last >= _LEAST_SECONDS or done == total:
            self._last = now
            self._worker.send(Progress(self._job.job, self._clip, done, total))

    def latents(self, latents: Tensor, done: int, total: int) -> None:
        """Called after each step with the picture so far; shows it where that is cheap."""
        preview, now = self._worker.preview_for(self._job.model), time.monotonic()
        is_cheap = self._spent + self._cost <= _PREVIEW_SHARE * (now - self._begun)
        if preview is None or done == total or not is_cheap or now < self._next_preview:
            return
        self._worker.send(Preview(self._job.job, self._clip, preview.png(latents)))
        self._cost = time.monotonic() - now
        self._spent += self._cost
        self._next_preview = now + _PREVIEW_SECONDS


def _row(job: Paint, number: int, clip: Clip, notes: tuple[str, ...], with_stems: bool) -> ClipRow:
    return row_of(
        job.targets[number],
        clip.recipe,
        clip.image,
        id=job.ids[number],
        title=job.title,
        seconds=clip.seconds,
        sample_rate=clip.sample_rate,
        loop=clip.loop,
        stems=tuple(clip.stems) if with_stems else (),
        job=job.job,
        index=number,
        notes=notes,
    )


def _sentence(error: Exception) -> str:
    """What a client is told of an error."""
    if isinstance(error, RiffkitError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "there isn't enough memory; ask for fewer bars or clips"
    _log.exception("a job failed", exc_info=error)
    return f"{type(error).__name__}: {error}"
