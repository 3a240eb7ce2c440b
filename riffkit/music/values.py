"""Plain values, as a script, a batch, a recipe or a caller gives them, become a request."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from riffkit.errors import ParameterError
from riffkit.music.task import Call, Input, Task

FILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".png")
"""What ends so is a file where a prompt could stand too."""
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text",
}  # fmt: skip
ValueT = TypeVar("ValueT")


def call_of(
    task: Task[Any],
    values: Mapping[str, Any],
    *,
    where: str = "",
    folder: Path | None = None,
    as_text: bool = False,
    seed: int | None = None,
) -> Call[Any]:
    """A task with the values that its fields and inputs are given, which have the right types.

    `where` heads messages; paths that aren't whole are taken from `folder`; `as_text`: numbers may
    be written as text. None is as if not given. `seed` is for a call that gives none, and has no
    script, which says what it wants. Raises ParameterError for what is unknown, missing
    or wrong.
    """
    given = {name: value for name, value in values.items() if value is not None}
    known = [*(one.name for one in task.inputs), *_hints(task.request)]
    check_names(given, known, where)
    scripts = [one for one in task.inputs if one.expand is not None and one.name in given]
    for one in scripts:
        assert one.expand is not None
        given = {**one.expand(_as_path(given[one.name], folder)), **given}
        check_names(given, known, where or one.name)
    if "seed" not in given and seed is not None and not scripts:
        given["seed"] = seed
    inputs = {
        one.name: _located(one, given[one.name], folder)
        for one in task.inputs
        if one.name in given and (not one.or_prompt or is_file(given[one.name]))
    }
    for one in task.inputs:
        if one.or_prompt and one.name in inputs:
            given[one.name] = inputs[one.name].name
        elif one.name not in _hints(task.request):
            given.pop(one.name, None)
        if one.required and one.expand is None and one.name not in inputs:
            raise ParameterError(f"{_head(where)}{one.name}: missing; {one.help}")
    request = built(task.request, given, where=where, as_text=as_text)
    if task.check is not None:
        task.check(request, inputs)
    return Call(task, request, inputs)


def is_file(value: Any) -> bool:
    """Whether what may be a prompt or a file is a file: a `Path`, or a name that ends as one."""
    return isinstance(value, Path) or Path(str(value)).suffix.lower() in FILE_SUFFIXES


def _located(one: Input, value: Any, folder: Path | None) -> Any:
    return str(value) if str(value) in one.names() else _as_path(value, folder)


def _as_path(value: Any, folder: Path | None) -> Path:
    path = Path(value).expanduser()
    return path if folder is None else folder / path


def built(
    kind: type[ValueT], values: Mapping[str, Any], *, where: str = "", as_text: bool = False
) -> ValueT:
    """A dataclass of plain values; ParameterError for an unknown name, or a value of wrong type."""
    hints = _hints(kind)
    check_names(values, hints, where)
    typed = {
        name: _typed(f"{_head(where)}{name}", value, hints[name], as_text)
        for name, value in values.items()
        if value is not None
    }
    for one in fields(kind):  # type: ignore[arg-type]
        is_needed = one.default is MISSING and one.default_factory is MISSING
        if is_needed and one.name not in typed:
            raise ParameterError(f"{where or kind.__name__}: has no {one.name}")
    try:
        return kind(**typed)
    except ParameterError as error:
        raise ParameterError(f"{_head(where)}{error}") from error


def check_names(values: Mapping[str, Any], known: Collection[str], where: str = "") -> None:
    """Raise ParameterError for a name that isn't known, with the nearest one that is."""
    for name in values:
        if name not in known:
            from difflib import get_close_matches

            nearest = get_close_matches(str(name).strip().lower(), known, n=1, cutoff=0)[0]
            raise ParameterError(
                f"{_head(where)}{str(name)!r} is not known; the nearest that is: {nearest!r}"
            )


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}


def _head(where: str) -> str:
    return f"{where}: " if where else ""


def inner(hint: Any) -> Any:
    """`int | None` → int."""
    if get_origin(hint) in (Union, UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def is_span(hint: Any) -> bool:
    """Whether a field holds two numbers, which text gives as A:B."""
    return bool(get_args(inner(hint)) == (float, float))


def _typed(where: str, value: Any, hint: Any, as_text: bool) -> Any:
    """The value in the field's type."""
    hint = inner(hint)
    if get_origin(hint) is Literal:
        return _one_of(where, value, get_args(hint))
    if is_span(hint):
        return _span(where, value)
    if get_origin(hint) is tuple:
        return _items(where, value, get_args(hint)[0], as_text)
    if is_dataclass(hint) and isinstance(value, Mapping):
        return built(hint, value, where=where, as_text=as_text)  # type: ignore[arg-type]
    found = _parsed(value, hint) if as_text and isinstance(value, str) else _plain(value, hint)
    if found is None:
        raise ParameterError(f"{where}={value!r}: must be {_KINDS.get(hint, 'a table of values')}")
    return found


def _one_of(where: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ParameterError(f"{where}={value!r}: must be one of {', '.join(choices)}")
    return str(value)


def _span(where: str, value: Any) -> tuple[float, float]:
    """Two numbers, or "A:B", where either may be left out."""
    try:
        if isinstance(value, str):
            begin, colon, end = value.partition(":")
            if not colon:
                raise ValueError
            return float(begin or 0), float(end or math.inf)
        begin, end = value
        return float(begin), float(end)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{where}={value!r}: must be two numbers, as 2.5:4") from error


def _items(where: str, value: Any, hint: Any, as_text: bool) -> tuple[Any, ...]:
    """A list; text is several items with | between them."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split("|")]
    if not isinstance(value, list | tuple):
        raise ParameterError(f"{where}={value!r}: must be a list")
    return tuple(
        _typed(f"{where}[{index}]", item, hint, as_text) for index, item in enumerate(value)
    )


def _parsed(text: str, kind: Callable[[str], Any]) -> Any:
    if kind is bool:
        return _YES_NO.get(text.strip().lower())
    try:
        return kind(text.strip())
    except ValueError:
        return None


def _plain(value: Any, kind: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is kind else None
