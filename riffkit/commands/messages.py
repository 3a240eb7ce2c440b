"""Library messages for the command line: a parameter `bpm` becomes the option --bpm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from riffkit.errors import reason_of

_NAMED = re.compile(r"`([a-z_]+)(?:=([^`]*))?`")
_LEADING = re.compile(r"^([a-z]+: )?([a-z_]+)(?==)")  # perhaps behind the task's name
_OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("options", default={})  # noqa: B039 (unchanged)


def set_command(command: Any, words: Sequence[str]) -> None:
    """Make messages use the options of the command that the `words` name."""
    _OPTIONS.set(options_of(command, words))


def usage(error: Any) -> str:
    """What a click error of the command line says, in our words where typer's are pydantic's."""
    faults = getattr(error.__cause__, "errors", None)
    if faults is None:
        return str(error.format_message())
    name = max(error.param.opts, key=len)
    fault = faults()[0]
    return f"{name} {fault['input']}: {reason_of(fault)}"


def options_of(command: Any, words: Sequence[str]) -> dict[str, str]:
    """The options of the command that the `words` name in a click group, by parameter name."""
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
    """The message with `name` and `name=value` turned into options, where the command has them.

    A plural parameter (`loras`) may be a repeatable option (--lora).
    """
    options = _OPTIONS.get()

    def option(name: str) -> str | None:
        return options.get(name) or options.get(name.removesuffix("s"))

    def named(match: re.Match[str]) -> str:
        name, value = match.groups()
        text = option(name) or name
        return text if value is None else f"{text} {value}"

    def leading(match: re.Match[str]) -> str:
        return (match[1] or "") + (option(match[2]) or match[2])

    return _LEADING.sub(leading, _NAMED.sub(named, message))
