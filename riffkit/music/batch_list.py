"""Reads batch files: lines of prompts, JSON lines or a CSV table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riffkit.errors import ParameterError
from riffkit.music.fields import about_of
from riffkit.music.registry import task as task_named
from riffkit.music.task import Call, Task
from riffkit.music.values import call_of

_TEXT_ONLY = "\0text"  # marks rows whose numbers are still text


@dataclass(frozen=True)
class Entry:
    """One row: a task, and values for its inputs and its request.

    `where` locates it in messages; `folder` is the base of its paths; `as_text` means that its
    numbers are still text.
    """

    where: str
    task: Task[Any]
    values: Mapping[str, Any]
    folder: Path | None = None
    as_text: bool = False

    def call(self, defaults: Mapping[str, Any], *, seed: int) -> Call[Any]:
        """The row as a call; `defaults` and `seed` fill in what it doesn't set.

        ParameterError, naming the row, for an unknown name or an invalid value.
        """
        fitting = {name: value for name, value in defaults.items() if name in self.names}
        return call_of(
            self.task,
            self.values,
            defaults=fitting,
            where=self.where,
            folder=self.folder,
            as_text=self.as_text,
            seed=seed,
        )

    @property
    def names(self) -> set[str]:
        """The names that a row of its task may set."""
        fields = self.task.request.__dataclass_fields__
        return {*(one.name for one in self.task.inputs), *fields}


def read_batch(path: Path, *, task: str = "generate") -> list[Entry]:
    """The rows of a file; ParameterError, naming the line, for an invalid one.

    A .jsonl or .csv file has a task's inputs and fields, and perhaps its own `task`; paths begin
    at the file's own folder. Any other has a prompt a line, or what else its task begins
    with. Blank lines and those that begin with # are skipped.
    """
    task_named(task)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't UTF-8 text"
        raise ParameterError(f"list={str(path)!r}: can't be read: {reason}") from error
    rows = {".jsonl": _json_rows, ".csv": _csv_rows}.get(path.suffix.lower(), _text_rows)
    entries = [
        _entry(f"{path.name}, line {number}", values, task, path.parent)
        for number, values in rows(text)
    ]
    if not entries:
        raise ParameterError(f"list={str(path)!r}: contains no prompt; write one per line")
    return entries


def entries_of(rows: Sequence[str | Mapping[str, Any]], *, task: str = "generate") -> list[Entry]:
    """Prompts or mappings of values as entries; raises ParameterError as `read_batch`."""
    return [_entry(f"prompts[{index}]", row, task, None) for index, row in enumerate(rows)]


def _first_of(task: Task[Any]) -> str:
    """What a row means that is nothing but text: the first thing that the task is given."""
    inputs = [one.name for one in task.inputs if one.positional]
    fields = [name for name, about in about_of(task.request).items() if about.positional]
    return [*inputs, *fields][0]


def _text_rows(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, row in _text_rows(text):
        try:
            yield number, _row(json.loads(row))
        except ValueError:
            yield number, None


def _row(value: Any) -> Any:
    """A JSON line's table; a bare word isn't one."""
    return value if isinstance(value, Mapping) else None


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    lines = text.splitlines(keepends=True)
    n_before = next((n - 1 for n, _ in _text_rows(text)), 0)
    header = lines[n_before] if lines else ""
    # spreadsheets of some countries separate cells by semicolons
    separator = max(",;\t", key=header.count)
    reader = csv.DictReader(lines[n_before:], delimiter=separator, strict=True)
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        for row in reader:
            number = n_before + reader.line_num
            cells = {name: cell for name, cell in row.items() if cell not in (None, "")}
            is_comment = str(next(iter(row.values()))).lstrip().startswith("#")
            if cells and not is_comment:
                # a row longer than the header has its rest under no name
                yield number, None if None in row else {**cells, _TEXT_ONLY: True}
    except csv.Error:
        yield n_before + reader.line_num, None


def _entry(where: str, row: Any, task: str, folder: Path | None) -> Entry:
    if isinstance(row, str):
        row = {_first_of(task_named(task)): row}
    if not isinstance(row, Mapping):
        raise ParameterError(f"{where}: can't be read; use fields such as prompt, seed, bpm")
    values = {name: value for name, value in row.items() if value is not None}
    as_text = bool(values.pop(_TEXT_ONLY, False))
    name = str(values.pop("task", task))
    try:
        of = task_named(name)
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from error
    return Entry(where, of, values, folder, as_text)
