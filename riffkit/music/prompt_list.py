"""A list of prompts, as a file has it: lines of text, JSON lines or a CSV table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from riffkit.errors import ParameterError
from riffkit.music.generate import GenerateRequest

_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TEXT_ONLY = "\0text"  # marks rows whose numbers are still text
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Entry:
    """One prompt of a list: fields of `GenerateRequest`, and `melody`, a path.

    `where` says in messages where it stands.
    """

    where: str
    fields: dict[str, Any]


def read_prompt_list(path: Path) -> list[Entry]:
    """The prompts of a file; raises ParameterError, which names the line, for what isn't one.

    A .jsonl or .csv file has the fields of `GenerateRequest`, of which only `prompt` must be;
    `melody` is a path from the file's own folder. Any other has a prompt a line. Blank lines and
    those that begin with # are skipped.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't UTF-8 text"
        raise ParameterError(f"prompts={str(path)!r}: can't be read: {reason}") from error
    rows = {".jsonl": _json_rows, ".csv": _csv_rows}.get(path.suffix.lower(), _text_rows)
    entries = [
        _entry(f"{path.name}, line {number}", values, path.parent) for number, values in rows(text)
    ]
    if not entries:
        raise ParameterError(f"prompts={str(path)!r}: holds no prompt; write one a line")
    return entries


def entries_of(prompts: Sequence[str | Mapping[str, Any]]) -> list[Entry]:
    """Prompts or mappings of fields as entries; raises ParameterError as `read_prompt_list`."""
    return [
        _entry(f"prompts[{index}]", {"prompt": one} if isinstance(one, str) else one, Path())
        for index, one in enumerate(prompts)
    ]


def _text_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {"prompt": line.strip()}


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, row in _text_rows(text):
        try:
            yield number, json.loads(row["prompt"])
        except ValueError:
            yield number, None


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


def _entry(where: str, values: Any, folder: Path) -> Entry:
    if not isinstance(values, Mapping):
        raise ParameterError(f"{where}: can't be read; give fields such as prompt, seed, bpm")
    hints = {**get_type_hints(GenerateRequest), "melody": str | None}
    given = {name: value for name, value in values.items() if name != _TEXT_ONLY}
    for name in given:
        if name not in hints:
            nearest = get_close_matches(str(name).strip().lower(), hints, n=1, cutoff=0)[0]
            raise ParameterError(
                f"{where}: field {str(name)!r} is unknown; the nearest known one is {nearest!r}"
            )
    as_text = _TEXT_ONLY in values
    typed = {
        name: _typed(where, name, value, hints[name], as_text)
        for name, value in given.items()
        if value is not None
    }
    if "prompt" not in typed:
        raise ParameterError(f"{where}: has no prompt; fields: {', '.join(known_fields())}")
    if "melody" in typed:
        typed["melody"] = str(folder / Path(typed["melody"]).expanduser())
    return Entry(where, typed)


def known_fields() -> list[str]:
    """What an entry may say."""
    return [*(field.name for field in fields(GenerateRequest)), "melody"]


def _typed(where: str, name: str, value: Any, hint: Any, as_text: bool) -> Any:
    """The value in the field's type, from a cell's text too (`as_text`)."""
    kind, choices = _kind(hint)
    found = _parsed(value, kind) if as_text else _plain(value, kind)
    if found is None or (choices and found not in choices):
        wanted = f"one of {', '.join(choices)}" if choices else _KINDS[kind]
        raise ParameterError(f"{where}: {name}={value!r}: must be {wanted}")
    return found


def _kind(hint: Any) -> tuple[type, tuple[str, ...]]:
    """`int | None` → int; a Literal's words."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(one for one in get_args(hint) if one is not type(None))
    return (str, get_args(hint)) if get_origin(hint) is Literal else (hint, ())


def _parsed(text: str, kind: type) -> Any:
    if kind is bool:
        return _YES_NO.get(text.strip().lower())
    try:
        return kind(text.strip())
    except ValueError:
        return None


def _plain(value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is kind else None
