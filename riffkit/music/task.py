"""A task as a value: its name, request, inputs, and what it plans and paints.

The command line, `Riff`'s methods, replay and batches are all derived from it (registry.py,
run.py). Light: a task's module imports torch inside of `plan` and `paint` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from riffkit.music.request import TaskRequest

if TYPE_CHECKING:
    from riffkit.music.finish import Painted
    from riffkit.music.plan import Plan
    from riffkit.music.session import Session

RequestT = TypeVar("RequestT", bound=TaskRequest)
Kind = Literal["audio", "image", "midi"]
Opened = Mapping[str, Any]
"""The opened inputs, by name."""


@dataclass(frozen=True)
class Input:
    """A file that a task works on.

    `open(session, given, request, opened)` gives an object with `identity`, the facts that a recipe
    keeps to find the file again ({"name", "sha256"} or {"seed"}), and `remarks`, lines that the
    user should read; `opened` holds the inputs before it. `names()` are names accepted instead of a
    path. `or_prompt`: the request's field of the same name is a prompt, or the name of this file.
    `check(path)` raises a RiffkitError for a file of another kind, before a model is loaded.
    `expand(path)` instead of `open`: the file holds values for the request and other inputs, which
    a recipe then keeps in its place. `kinds` are those of files that it may be.
    """

    name: str
    help: str
    open: Callable[[Session, str | Path, Any, Opened], Any] | None = None
    required: bool = False
    positional: bool = False
    or_prompt: bool = False
    names: Callable[[], Sequence[str]] = tuple
    check: Callable[[Path], None] | None = None
    expand: Callable[[Path], Mapping[str, Any]] | None = None
    kinds: tuple[Kind, ...] = ("audio", "image")


@dataclass(frozen=True)
class Task(Generic[RequestT]):
    """One command. `name` is the command's and the method's.

    `summary` is its help, a sentence, perhaps with more below it. `plan(session, request, opened)`
    makes every open choice; `paint(session, plan, request, opened)` gives the images, one for each
    clip. `title(request, inputs)`: words for the name of a file. `check(request, inputs)` raises
    ParameterError for what doesn't go together, before a model is loaded. `count`: the field
    that says how many clips one call makes; None for one. `from_list`: the option of the command
    that takes a list of prompts in place of one. `instead`: a field given to one call alone takes
    the place of another that was meant for all. `example`: a line of Python. `unlisted`: known to
    servers, batches and replay by its name, but neither a command nor a method.
    """

    name: str
    summary: str
    request: type[RequestT]
    plan: Callable[[Session, RequestT, Opened], Plan]
    paint: Callable[[Session, Plan, RequestT, Opened], Sequence[Painted]]
    title: Callable[[RequestT, Mapping[str, Any]], str]
    inputs: tuple[Input, ...] = ()
    count: str | None = None
    from_list: str | None = None
    check: Callable[[RequestT, Mapping[str, Any]], None] | None = None
    instead: Mapping[str, str] = field(default_factory=dict)
    example: str = ""
    unlisted: bool = False

    def n_clips(self, request: RequestT) -> int:
        """The number of clips that one call makes."""
        return 1 if self.count is None else int(getattr(request, self.count))


@dataclass(frozen=True)
class Call(Generic[RequestT]):
    """A task, its request, and its inputs by name: paths, or names of bundled files."""

    task: Task[RequestT]
    request: RequestT
    inputs: Mapping[str, Any]

    @property
    def title(self) -> str:
        return self.task.title(self.request, self.inputs)


def files_of(call: Call[Any]) -> list[Path]:
    """The files that a call reads."""
    return [Path(given) for given in call.inputs.values() if isinstance(given, Path)]


def slug(prompt: str) -> str:
    """At most 40 letters of a prompt's words, joined by hyphens; "riff" where it has none."""
    words = "".join(letter if letter.isalnum() else " " for letter in prompt.lower()).split()
    return "-".join(words)[:40].strip("-") or "riff"


def numbered(path: Path, count: int) -> list[Path]:
    """A path for each of `count` clips: NAME.wav itself, or NAME-1.wav, NAME-2.wav …"""
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{n}") for n in range(1, count + 1)]
