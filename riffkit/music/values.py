"""Turns plain values, from a script, batch, recipe or caller, into a request."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from riffkit.errors import ParameterError, RiffkitError, unknown
from riffkit.kinds import at_home, names_a_file
from riffkit.music.task import Call, Input, Task

"""Where a prompt or a file is accepted, text with one of these endings is a file."""
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a file name",
}
ValueT = TypeVar("ValueT")


def random_seed() -> int:
    """A random seed for a call without one; the recipe stores it."""
    return secrets.randbits(32)


def call_of(
    task: Task[Any],
    values: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    where: str = "",
    folder: Path | None = None,
    as_text: bool = False,
    seed: int | None = None,
    only_paths: bool = False,
) -> Call[Any]:
    """A task with the values that its fields and inputs are given, which have the right types.

    A script's values stand behind `values`, and `defaults` behind both; `seed` is for a call to
    which none of them gives one. None is as if not given. `where` heads messages; paths in
    `values` that aren't whole begin at `folder`; `as_text`: numbers may be written as text;
    `only_paths`: the text of a prompt is never a file, a `Path` always. Raises ParameterError for
    what is unknown, missing or wrong, and for a file that isn't there.
    """
    hints, where = _hints(task.request), where or task.name
    is_named = _is_path if only_paths else is_file
    known = [*(one.name for one in task.inputs), *hints]
    check_names(values, known, where)
    given = {
        name: _from(folder, task, name, value, is_named)
        for name, value in values.items()
        if value is not None
    }
    given, where = _with_scripts(task, given, known, where)
    for name, other in task.instead.items():
        if name in given and other not in given:
            defaults = {k: v for k, v in (defaults or {}).items() if k != other}
    general = {
        k: _from(None, task, k, v, is_named) for k, v in (defaults or {}).items() if v is not None
    }
    given = {**general, **given}
    if seed is not None:
        given.setdefault("seed", seed)
    inputs: dict[str, Any] = {}
    for one in task.inputs:
        value = given.get(one.name)
        if value is None or (one.or_prompt and not is_named(value, None)):
            if one.required and one.expand is None:
                raise ParameterError(f"{where}: {one.name} is missing; {one.help}")
            continue
        inputs[one.name] = _found(one, value, where)
        if one.or_prompt:
            given[one.name] = inputs[one.name].name
    fields_given = {name: value for name, value in given.items() if name in hints}
    request = built(task.request, fields_given, where=where, as_text=as_text)
    if task.check is not None:
        task.check(request, inputs)
    return Call(task, request, inputs)


def _with_scripts(
    task: Task[Any], given: dict[str, Any], known: Collection[str], where: str
) -> tuple[dict[str, Any], str]:
    """The values completed from a script, and the prefix for messages."""
    for one in task.inputs:
        if one.expand is not None and one.name in given:
            script = Path(given[one.name])
            scripted = one.expand(script)
            where = f"{where}: {script.name}"
            check_names(scripted, known, where)
            given = {**scripted, **given}
    return given, where


def _is_path(value: Any, folder: Path | None) -> bool:
    return isinstance(value, Path)


def _from(
    folder: Path | None,
    task: Task[Any],
    name: str,
    value: Any,
    is_named: Callable[[Any, Path | None], bool],
) -> Any:
    """A value; a relative path is joined to `folder`."""
    one = next((one for one in task.inputs if one.name == name), None)
    if one is None or str(value) in one.names():
        return value
    if one.or_prompt and not is_named(value, folder):
        return value
    if not isinstance(value, str | Path):
        raise ParameterError(f"{name}={value!r}: must be a file name")
    return ((folder or Path()) / at_home(value)).absolute()


def _found(one: Input, value: Any, where: str) -> Any:
    """The file's path, or the name of a bundled one; ParameterError if it is neither."""
    names = one.names()
    if str(value) in names:
        return str(value)
    path = Path(value)
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    if not path.is_file():
        also = f"; or one of {', '.join(names)}" if names else ""
        raise ParameterError(f"{where}: {one.name}={str(shown)!r}: no such file{also}")
    if one.check is not None:
        try:
            one.check(shown)
        except RiffkitError as error:
            raise type(error)(f"{where}: {error}") from error
    return path


def is_file(value: Any, folder: Path | None = None) -> bool:
    """Whether a prompt or file is a file: a `Path`, or text that names one."""
    return isinstance(value, Path) or names_a_file(str(value), folder)


def built(
    kind: type[ValueT], values: Mapping[str, Any], *, where: str = "", as_text: bool = False
) -> ValueT:
    """Build a dataclass from plain values; ParameterError for an unknown name or wrong type."""
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
    """Raise ParameterError for an unknown name, suggesting one that is known."""
    for name in values:
        if name not in known:
            raise ParameterError(f"{_head(where)}{unknown(str(name), known)}")


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
    """Whether a field is a pair of numbers, written as A:B in text."""
    return bool(get_args(inner(hint)) == (float, float))


def words_of(hint: Any) -> tuple[str, ...]:
    """The words that stand beside numbers in a field such as `float | Literal["peak"]`."""
    kinds = get_args(hint) if float in get_args(hint) else ()
    return tuple(word for kind in kinds for word in get_args(kind))


def _typed(where: str, value: Any, hint: Any, as_text: bool) -> Any:
    """The value in the field's type."""
    if words := words_of(hint):
        return number_or_word(where, value, words)
    hint = inner(hint)
    if get_origin(hint) is Literal:
        return _one_of(where, value, get_args(hint), as_text)
    if is_span(hint):
        return _span(where, value)
    if get_origin(hint) is tuple:
        return _items(where, value, get_args(hint)[0], as_text)
    if isinstance(hint, type) and is_dataclass(hint):
        if isinstance(value, Mapping):
            return built(hint, value, where=where, as_text=as_text)
        return value if isinstance(value, hint) else _refused(where, value, hint)
    found = _parsed(value, hint) if as_text and isinstance(value, str) else _plain(value, hint)
    return _refused(where, value, hint) if found is None else found


def _refused(where: str, value: Any, hint: Any) -> NoReturn:
    raise ParameterError(f"{where}={value!r}: must be {_KINDS.get(hint, 'a table of values')}")


def _one_of(where: str, value: Any, choices: tuple[Any, ...], as_text: bool) -> Any:
    for choice in choices:
        if value == choice or (as_text and value == str(choice)):
            return choice
    raise ParameterError(f"{where}={value!r}: must be one of {', '.join(map(str, choices))}")


def number_or_word(where: str, value: Any, words: tuple[str, ...]) -> Any:
    """A number, which may be text, or one of the words."""
    if value in words:
        return str(value)
    found = _parsed(value, float) if isinstance(value, str) else _plain(value, float)
    if found is None:
        raise ParameterError(f"{where}={value!r}: must be a number or {', '.join(words)}")
    return found


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
        raise ParameterError(f"{where}={value!r}: must be two numbers, such as 2.5:4") from error


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
    """The value as exactly that type, numpy's numbers too; None where it is of another kind."""
    if kind in (int, float):
        wide = Integral if kind is int else Real
        return kind(value) if isinstance(value, wide) and not isinstance(value, bool) else None
    if kind is Path:
        return Path(value) if isinstance(value, str | Path) else None
    return kind(value) if kind in (bool, str) and isinstance(value, kind) else None
