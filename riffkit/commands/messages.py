"""The library's messages as the command line says them: a parameter `bpm` is its option --bpm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

_NAMED = re.compile(r"`([a-z_]+)(?:=([^`]*))?`")
_LEADING = re.compile(r"^([a-z]+: )?([a-z_]+)(?==)")  # perhaps behind the task's name
_OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("options", default={})  # noqa: B039 (unchanged)


def set_command(command: Any, words: Sequence[str]) -> None:
    """From here on messages are about the command that the `words` name."""
    _OPTIONS.set(options_of(command, words))


def options_of(command: Any, words: Sequence[str]) -> dict[str, str]:
    """The options, by their parameters, of the command that the `words` name (a click group)."""
    found = command
    for word in words:
        if word not in getattr(found, "commands", {}):
            break
        found = found.commands[word]
    return {
        parameter.name: max(parameter.opts, key=len)
        for parameter in found.params
        if parameter.opts[0].startswith("-")
    }


def as_options(message: str) -> str:
    """The message with `name` and `name=value` as options, where the command has such ones.

    Python's plural (`loras`) may be an option that is given several times (--lora).
    """
    options = _OPTIONS.get()

    def option(name: str) -> str | None:
        return options.get(name) or options.get(name.removesuffix("s"))

    def named(match: re.Match[str]) -> str:
        name, value = match.groups()
        said = option(name) or name
        return said if value is None else f"{said} {value}"

    def leading(match: re.Match[str]) -> str:
        return (match[1] or "") + (option(match[2]) or match[2])

    return _LEADING.sub(leading, _NAMED.sub(named, message))
