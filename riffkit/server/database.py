"""An SQLite file: one connection writes, and others read beside it, so that none waits for another.

Connections for reading are handed back after each reading: threads come and go.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from riffkit.errors import OutputError

_RESERVE_BYTES = 1 << 20
_MOST_READERS = 8


class Database:
    """The file at `path`. OutputError if it isn't a database."""

    def __init__(self, path: Path) -> None:
        self._path, self._reserve = path, path.with_name(".reserve")
        self._lock = threading.RLock()
        self._own = threading.local()  # whether a thread is within a transaction
        self._readers: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        self._is_closed = False
        for _ in range(_MOST_READERS):
            self._readers.put(None)  # opened when it is needed
        self._writer = self._connect()
        try:
            self.run("pragma journal_mode = wal")
            self.run("pragma synchronous = normal")
            self.run("pragma wal_autocheckpoint = 250")  # pages of 4 kB
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._unusable(str(error)) from error
        with suppress(OSError):
            self._reserve.write_bytes(bytes(_RESERVE_BYTES))

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._writer.close()
            with suppress(Empty):
                while True:
                    reader = self._readers.get_nowait()
                    if reader is not None:
                        reader.close()

    def create(self, table: str, columns: Collection[str], definition: str) -> None:
        """Make a table, unless it is there; OutputError if it has other columns."""
        there = {row["name"] for row in self.run(f"pragma table_info({table})").fetchall()}
        if there and there != set(columns):
            self.close()
            raise self._unusable("it is of another version of riffkit")
        self.run(f"create table if not exists {table} ({definition})")

    def run(self, text: str, *values: Any) -> sqlite3.Cursor:
        """Write."""
        with self._lock:
            return self._writer.execute(text, values)

    def read(self, text: str, *values: Any) -> list[sqlite3.Row]:
        """Read; within a transaction, what it has written too."""
        if getattr(self._own, "is_writing", False):
            return self._writer.execute(text, values).fetchall()
        if self._is_closed:
            raise sqlite3.ProgrammingError("the database is closed")
        reader = self._readers.get()
        try:
            if reader is None:
                reader = self._connect()
                reader.execute("pragma cache_size = -512")  # KiB
            found: list[sqlite3.Row] = reader.execute(text, values).fetchall()
            return found
        finally:
            if self._is_closed and reader is not None:
                reader.close()
            self._readers.put(reader)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within happens, or nothing of it."""
        with self._lock:
            if self._writer.in_transaction:
                yield
                return
            self._writer.execute("begin immediate")
            self._own.is_writing = True
            try:
                yield
                self._writer.execute("commit")
            except BaseException as error:
                if self._writer.in_transaction:  # a full disk may have rolled it back
                    self._writer.execute("rollback")
                if isinstance(error, sqlite3.OperationalError):
                    self._use_reserve()
                raise
            finally:
                self._own.is_writing = False

    def _connect(self) -> sqlite3.Connection:
        made = sqlite3.connect(
            self._path, check_same_thread=False, isolation_level=None, timeout=30
        )
        made.row_factory = sqlite3.Row
        return made

    def _use_reserve(self) -> None:
        """Make room on a full disk, so that the next transaction can say what became of a job."""
        self._reserve.unlink(missing_ok=True)
        with suppress(sqlite3.Error):
            self._writer.execute("pragma wal_checkpoint(truncate)")

    def _unusable(self, why: str) -> OutputError:
        folder = str(self._path.parent)
        return OutputError(
            f"data={folder!r}: its {self._path.name} can't be used ({why}); choose another folder, "
            "or move that file away: clips are found again by their files"
        )
