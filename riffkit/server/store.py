"""Jobs, events, clips and uploads, in SQLite; the server's process alone writes it.

Each function is one transaction. Values that are lists or tables are JSON in their column.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from riffkit.server.database import Database

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
OVER: tuple[State, ...] = ("done", "failed", "cancelled")
PASSING = ("progress", "preview")
"""Events that nobody needs once their job is over."""
_KEPT_EVENTS = 20_000
_LETTERS = string.ascii_lowercase + string.digits


def new_id() -> str:
    """Twelve random letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def now() -> str:
    """The time in UTC as ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class JobRow:
    """A call of a task. `request` and `inputs` are as the client gave them, with the seed.

    `attempts` counts how often it began, `deaths` how often the worker died of it since it last
    finished a clip. `clip` is the index of the one being painted, `made` are those of the clips
    that it has made, which may be deleted since. One that is `cancelling` is not begun again.
    """

    id: str
    task: str
    title: str
    request: Mapping[str, Any]
    inputs: Mapping[str, str]
    model: str
    count: int = 1
    state: State = "queued"
    created: str = field(default_factory=now)
    started: str | None = None
    finished: str | None = None
    step: int = 0
    steps: int = 0
    clip: int = 0
    error: str | None = None
    notes: tuple[str, ...] = ()
    attempts: int = 0
    deaths: int = 0
    made: tuple[int, ...] = ()
    cancelling: bool = False


@dataclass(frozen=True)
class EventRow:
    """`data` is the event's JSON; ids rise over all events."""

    id: int
    name: str
    job: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ClipRow:
    """A clip and its files: clips/STEM.wav, STEM.png and STEM-stems/.

    `size` is that of all of them in bytes, `stems` are the names of the players.
    """

    id: str
    stem: str
    title: str
    prompt: str
    task: str
    job: str | None
    index: int
    seconds: float
    sample_rate: int
    bpm: float | None
    beats: int | None
    beats_per_bar: int
    bars: int | None
    key: str | None
    loop: bool
    seed: int | None
    model: str
    width: int
    height: int
    size: int
    notes: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    has_score: bool = False
    whole_beats: bool = False
    kept: bool = False
    created: str = field(default_factory=now)


@dataclass(frozen=True)
class UploadRow:
    """A file that a client sent: `kind` is audio, image, midi or mask, `suffix` its ending."""

    id: str
    name: str
    kind: str
    suffix: str
    size: int
    seconds: float | None = None
    sample_rate: int | None = None
    width: int | None = None
    height: int | None = None
    created: str = field(default_factory=now)


@dataclass(frozen=True)
class RemovedRow:
    """A clip that was deleted, while any of its files is left."""

    id: str
    stem: str


RowT = TypeVar("RowT", JobRow, ClipRow, UploadRow, RemovedRow)
_TABLES: dict[type[Any], str] = {
    JobRow: "jobs",
    ClipRow: "clips",
    UploadRow: "uploads",
    RemovedRow: "removed",
}
_JSON = {"request", "inputs", "notes", "stems", "made"}
_BOOLEANS = {one.name for row in _TABLES for one in fields(row) if one.type == "bool"}


@dataclass(frozen=True)
class ClipSearch:
    """Which clips: `words` are all in the title or the prompt; `before` is a clip's id."""

    words: str = ""
    bpm_from: float | None = None
    bpm_to: float | None = None
    key: str | None = None
    task: str | None = None
    kept: bool | None = None
    before: str | None = None


class Store:
    """The database of a data folder. `on_event` is called after an event was added."""

    def __init__(self, path: Path) -> None:
        self.on_event: Callable[[], None] = lambda: None
        self._database = Database(path)
        self._run, self._read = self._database.run, self._database.read
        self._transaction = self._database.transaction
        for row, table in _TABLES.items():
            names = [one.name for one in fields(row) if one.name != "id"]
            columns = ", ".join(f'"{name}"' for name in names)
            self._database.create(
                table,
                ["seq", "id", *names],
                f"seq integer primary key autoincrement, id text unique, {columns}",
            )
        self._database.create(
            "events",
            ["id", "name", "job", "data"],
            "id integer primary key autoincrement, name text, job text, data text",
        )
        self._run("create index if not exists events_of_job on events (job, id)")
        self._run("create index if not exists jobs_by_state on jobs (state, seq)")

    def close(self) -> None:
        self._database.close()

    # jobs

    def add_job(self, row: JobRow) -> None:
        """Add a job at the end of the queue, and its event."""
        with self._transaction():
            self._insert(row)
            self._add_event(row.id, "queued", {"position": self.position(row.id)})
        self.on_event()

    def job(self, job: str) -> JobRow | None:
        return self._one(JobRow, "where id = ?", job)

    def unfinished_jobs(self) -> list[JobRow]:
        """Those that wait or run, the oldest first."""
        return self._rows(JobRow, "where state in ('queued', 'running') order by seq")

    def jobs(self, *, state: State | None = None, limit: int = 100) -> list[JobRow]:
        """The newest first."""
        where, values = ("where state = ?", [state]) if state else ("", [])
        return self._rows(JobRow, f"{where} order by seq desc limit ?", *values, limit)

    def next_job(self) -> JobRow | None:
        """The first in the queue."""
        return self._one(JobRow, "where state = 'queued' order by seq limit 1")

    def position(self, job: str) -> int | None:
        """How many queued jobs run before it; None for one that isn't queued."""
        found = self._read(
            "select (select count(*) from jobs b where b.state = 'queued' and b.seq < a.seq)"
            " from jobs a where a.id = ? and a.state = 'queued'",
            job,
        )
        return int(found[0][0]) if found else None

    def n_jobs(self, state: State) -> int:
        return int(self._read("select count(*) from jobs where state = ?", state)[0][0])

    def set_job(self, job: str, **changes: Any) -> None:
        """Change columns of a job."""
        self._update("jobs", job, changes)

    def progress(self, job: str, clip: int, step: int, steps: int) -> None:
        """A step of a running job is done."""
        with self._transaction():
            self._update("jobs", job, {"clip": clip, "step": step, "steps": steps})
            self._add_passing(job, "progress", {"clip": clip, "step": step, "steps": steps})
        self.on_event()

    def preview(self, job: str, clip: int, image: str) -> None:
        """What a clip that is being painted looks like, as an address of data."""
        with self._transaction():
            self._add_passing(job, "preview", {"clip": clip, "image": image})
        self.on_event()

    def finish_clip(self, row: ClipRow, shown: Mapping[str, Any]) -> None:
        """A clip of a job is made: its row, and its event, which shows it."""
        with self._transaction():
            self.add_clip(row)
            job = None if row.job is None else self.job(row.job)
            if job is not None:
                made = tuple(sorted({*job.made, row.index}))
                self._update("jobs", job.id, {"made": made, "deaths": 0})
            self._add_event(row.job, "clip", {"clip": shown})
        self.on_event()

    def start_job(self, job: str) -> bool:
        """Whether a queued job is running now."""
        with self._transaction():
            done = self._run(
                "update jobs set state = 'running', started = ?, step = 0, steps = 0,"
                " attempts = attempts + 1 where id = ? and state = 'queued'",
                now(),
                job,
            )
            if done.rowcount:
                self._add_event(job, "started", {})
        self.on_event()
        return bool(done.rowcount)

    def end_job(
        self, job: str, state: State, *, error: str | None = None, notes: Sequence[str] = ()
    ) -> bool:
        """Whether a job that wasn't over is over now."""
        data: dict[str, Any] = {}
        if state == "done":
            data = {"notes": list(notes)}
        elif state == "failed":
            data = {"error": error}
        with self._transaction():
            done = self._run(
                "update jobs set state = ?, finished = ?, error = ?, notes = ?"
                " where id = ? and state in ('queued', 'running')",
                state,
                now(),
                error,
                json.dumps(list(notes)),
                job,
            )
            if done.rowcount:
                self._run(f"delete from events where job = ? and name in {PASSING}", job)
                self._add_event(job, state, data)
                self._run(
                    "delete from events where id <= (select max(id) from events) - ?", _KEPT_EVENTS
                )
        self.on_event()
        return bool(done.rowcount)

    def requeue(self, job: str, *, deaths: int = 0) -> None:
        """A running job waits again, at its old place."""
        with self._transaction():
            self._run(
                "update jobs set state = 'queued', started = null, step = 0, deaths = ?"
                " where id = ? and state = 'running'",
                deaths,
                job,
            )
            self._run(f"delete from events where job = ? and name in {PASSING}", job)
            self._add_event(job, "queued", {"position": self.position(job)})
        self.on_event()

    # events

    def add_event(self, job: str | None, name: str, data: Mapping[str, Any]) -> None:
        """Add an event and wake those that wait for one; `data` is completed by the job."""
        with self._transaction():
            self._add_event(job, name, data)
        self.on_event()

    def events(self, after: int, *, job: str | None = None, limit: int = 100) -> list[EventRow]:
        """The events after that id, of one job or all, in order."""
        where, values = ("and job = ?", [job]) if job is not None else ("", [])
        rows = self._read(
            f"select * from events where id > ? {where} order by id limit ?", after, *values, limit
        )
        return [EventRow(r["id"], r["name"], r["job"], json.loads(r["data"])) for r in rows]

    def last_event(self) -> int:
        """The id of the newest event; 0 if there was none."""
        found = self._read("select seq from sqlite_sequence where name = 'events'")
        return int(found[0][0]) if found else 0

    def _add_passing(self, job: str, name: str, data: Mapping[str, Any]) -> None:
        """Add an event in place of the job's earlier ones of that name."""
        self._run("delete from events where job = ? and name = ?", job, name)
        self._add_event(job, name, data)

    def _add_event(self, job: str | None, name: str, data: Mapping[str, Any]) -> None:
        text = json.dumps({"job": job, **data})
        self._run("insert into events (name, job, data) values (?, ?, ?)", name, job, text)

    # clips

    def add_clip(self, row: ClipRow) -> None:
        """Add a clip, or what is known of it now; whether it is kept, and its title, stay."""
        with self._transaction():
            before = self.clip(row.id)
            if before is not None:
                changes = _values(row)
                for name in ("id", "title", "kept", "created"):
                    del changes[name]
                self._update("clips", row.id, changes)
            else:
                self._insert(row)

    def clip(self, clip: str) -> ClipRow | None:
        return self._one(ClipRow, "where id = ?", clip)

    def clips(self, search: ClipSearch = ClipSearch(), *, limit: int = 50) -> list[ClipRow]:
        """Clips that are as asked, the newest first."""
        wanted: list[tuple[str, Any]] = [
            ("(title || ' ' || prompt) like ? escape '\\'", f"%{_escaped(word)}%")
            for word in search.words.split()
        ]
        wanted += [
            (condition, value)
            for condition, value in (
                ("bpm >= ?", search.bpm_from),
                ("bpm <= ?", search.bpm_to),
                ("key = ? collate nocase", search.key),
                ("task = ?", search.task),
                ("kept = ?", search.kept),
                ("seq < (select seq from clips where id = ?)", search.before),
            )
            if value is not None
        ]
        where = " and ".join(condition for condition, _ in wanted) or "true"
        values = [value for _, value in wanted]
        return self._rows(ClipRow, f"where {where} order by seq desc limit ?", *values, limit)

    def clips_of(self, job: str) -> list[ClipRow]:
        """The clips of a job, in order."""
        return self._rows(ClipRow, 'where job = ? order by "index"', job)

    def all_clips(self) -> list[ClipRow]:
        """Every clip, the oldest first."""
        return self._rows(ClipRow, "order by seq")

    def set_clip(self, clip: str, *, kept: bool | None = None, title: str | None = None) -> None:
        """Change whether a clip is kept, or its title."""
        given = {"kept": kept, "title": title}
        self._update("clips", clip, {k: v for k, v in given.items() if v is not None})

    def forget_clip(self, clip: str) -> None:
        """Drop a clip's row."""
        self._run("delete from clips where id = ?", clip)

    def remove_clip(self, row: ClipRow) -> None:
        """Delete a clip; its files are `removed`, until the folder has no more of them."""
        try:
            self._remove_clip(row)
        except sqlite3.OperationalError:  # the disk is full, until the clip's files are gone:
            self._remove_clip(row)  # there is a reserve for that
        self.on_event()

    def _remove_clip(self, row: ClipRow) -> None:
        with self._transaction():
            self._run("delete from clips where id = ?", row.id)
            self._run("delete from removed where id = ?", row.id)
            self._insert(RemovedRow(row.id, row.stem))
            self._add_event(None, "removed", {"clip": row.id})

    def removed(self) -> list[RemovedRow]:
        """The clips that are deleted, and have files still."""
        return self._rows(RemovedRow, "order by seq")

    def forget_removed(self, clip: str) -> None:
        """The files of a deleted clip are gone."""
        self._run("delete from removed where id = ?", clip)

    # uploads

    def add_upload(self, row: UploadRow) -> None:
        with self._transaction():
            self._insert(row)

    def upload(self, upload: str) -> UploadRow | None:
        return self._one(UploadRow, "where id = ?", upload)

    def uploads(self) -> list[UploadRow]:
        """Every upload, the oldest first."""
        return self._rows(UploadRow, "order by seq")

    def remove_upload(self, upload: str) -> None:
        self._run("delete from uploads where id = ?", upload)

    # SQL

    def _rows(self, kind: type[RowT], rest: str, *values: Any) -> list[RowT]:
        found = self._read(f"select * from {_TABLES[kind]} {rest}", *values)
        return [_row(kind, row) for row in found]

    def _one(self, kind: type[RowT], rest: str, *values: Any) -> RowT | None:
        return next(iter(self._rows(kind, rest, *values)), None)

    def _insert(self, row: Any) -> None:
        values = _values(row)
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        self._run(f"insert into {_TABLES[type(row)]} ({names}) values ({marks})", *values.values())

    def _update(self, table: str, row: str, changes: Mapping[str, Any]) -> None:
        if changes:
            names = ", ".join(f'"{name}" = ?' for name in changes)
            values = [_stored(name, value) for name, value in changes.items()]
            self._run(f"update {table} set {names} where id = ?", *values, row)


def _stored(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON and not isinstance(value, str) else value


def _values(row: Any) -> dict[str, Any]:
    return {one.name: _stored(one.name, getattr(row, one.name)) for one in fields(row)}


def _row(kind: type[RowT], found: sqlite3.Row) -> RowT:
    values = {one.name: found[one.name] for one in fields(kind)}
    for name in _JSON & values.keys():
        value = json.loads(values[name])
        values[name] = tuple(value) if isinstance(value, list) else value
    for name in _BOOLEANS & values.keys():
        values[name] = bool(values[name])
    return kind(**values)


def _escaped(word: str) -> str:
    """A word for LIKE, where % and _ are themselves."""
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, f"\\{sign}")
    return word
