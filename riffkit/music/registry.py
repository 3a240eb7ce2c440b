"""The registry of tasks: each module of riffkit/tasks/, and tasks added by a program.

The command line, `Riff`, replay and batches look tasks up here.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from riffkit.errors import ParameterError
from riffkit.music.task import Task

_HOME = "riffkit.tasks"
_ADDED: dict[str, Task[Any]] = {}


def tasks() -> dict[str, Task[Any]]:
    """Every task by its name, riffkit's own first; without those that are unlisted."""
    return {name: one for name, one in _all().items() if not one.unlisted}


def task(name: str) -> Task[Any]:
    """The task of that name, unlisted or not; raises ParameterError if there is none."""
    if name not in _all():
        raise ParameterError(f"task={name!r}: unknown; must be one of {', '.join(tasks())}")
    return _all()[name]


def _all() -> dict[str, Task[Any]]:
    return {**_found(), **_ADDED}


def register(added: Task[Any]) -> None:
    """Add a task while this program runs; it replaces a task of the same name.

    Args:
        added: the task; it becomes a command, a method of `Riff`, and available in batches.

    Raises:
        AttributeError: `added` is not a task.

    Example:
        riffkit.register(DRONE)
    """
    _ADDED[added.name] = added


def unregister(name: str) -> None:
    """Remove a task that `register` added."""
    del _ADDED[name]


@cache
def _found() -> dict[str, Task[Any]]:
    home = importlib.import_module(_HOME)
    modules = (
        importlib.import_module(f"{_HOME}.{info.name}")
        for info in pkgutil.iter_modules(home.__path__)
    )
    own = [
        value for module in modules for value in vars(module).values() if isinstance(value, Task)
    ]
    return {one.name: one for one in sorted(own, key=_order)}


def _order(one: Task[Any]) -> tuple[bool, str]:
    """Tasks that need only text come first, then those that need files."""
    return any(item.required for item in one.inputs), one.name
