"""What an exporter is: a function that writes a clip for another program, and what it says.

A package adds one under the entry point group `riffkit.exporters`: the kind that users type, and an
`Exporter`. Its options follow from the function's keywords: their types, defaults, and what its
docstring says of them under "Args:".
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cached_property
from inspect import Parameter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from riffkit.errors import OutputError
from riffkit.music.fields import option
from riffkit.music.values import built

FOLDER = ""
"""The ending of an exporter that writes a folder."""

_ARGUMENT = re.compile(r"^ {4}(\w+): (.*)$")


@dataclass(frozen=True)
class Exported:
    """What an exporter wrote: a file, or a folder of files.

    `summary` is what a line says of it ("12 notes in 4 bars"), `facts` the same for programs,
    `notes` are messages for the user.
    """

    path: Path
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exporter:
    """A kind of file for another program.

    `export` takes a clip (a `Clip`, or the path of an audio file or PNG), the path to write, a
    `begin` (riffkit.progress) if it takes long, and options by keyword; it returns an `Exported`.
    `endings` are those of the path, the default first; `FOLDER` means a folder. `wrote` tells
    whether a file, also one in its folder, was written by it and by no other program since, so that
    it may be replaced; files with riffkit's own tags are known without it.
    """

    kind: str
    export: Callable[..., Exported]
    endings: tuple[str, ...]
    wrote: Callable[[Path], bool] | None = None

    @property
    def summary(self) -> str:
        """What it writes: the first line of the function's docstring."""
        return (inspect.getdoc(self.export) or "").partition("\n")[0]

    @property
    def tells_stages(self) -> bool:
        """Whether its function takes a `riffkit.progress.Begin`, as `begin`."""
        return "begin" in inspect.signature(self.export).parameters

    @cached_property
    def request(self) -> type[Any]:
        """Its options as a dataclass, with what `riffkit.music.fields` says of fields."""
        own = {
            one.name: one
            for one in inspect.signature(self.export).parameters.values()
            if one.kind is Parameter.KEYWORD_ONLY
        }
        declared = SimpleNamespace(
            __annotations__={name: one.annotation for name, one in own.items()}
        )
        hints = get_type_hints(declared, inspect.unwrap(self.export).__globals__)
        said = _arguments(self.export)
        named = [
            (name, hints[name], option(said.get(name, ""), one.default))
            for name, one in own.items()
        ]
        return make_dataclass(f"{self.kind.title()}Options", named, frozen=True, kw_only=True)

    def options(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Options that were given as text, in their types; ParameterError for a wrong one."""
        typed = built(self.request, values, where=f"export {self.kind}", as_text=True)
        return {one.name: getattr(typed, one.name) for one in fields(typed)}

    def is_own(self, path: Path) -> bool:
        """Whether a file is riffkit's own."""
        from riffkit.music.outputs import is_riffkits

        return is_riffkits(path) or (self.wrote is not None and self.wrote(path))

    def check_name(self, path: Path) -> None:
        """Raise OutputError for a path with another ending than the exporter's."""
        if FOLDER in self.endings or path.suffix.lower() in self.endings:
            return
        endings = " or ".join(self.endings)
        raise OutputError(
            f"cannot write {str(path)!r}: `riff export {self.kind}` writes {endings}; rename the "
            "output"
        )


def _arguments(function: Callable[..., Any]) -> dict[str, str]:
    """What a docstring says of each argument, on a line."""
    said: dict[str, str] = {}
    name, is_inside = None, False
    for line in (inspect.getdoc(function) or "").splitlines():
        if line == "Args:":
            is_inside = True
        elif is_inside and line and not line.startswith(" "):
            break
        elif is_inside and (begun := _ARGUMENT.match(line)):
            name = begun[1]
            said[name] = begun[2][:1].upper() + begun[2][1:]
        elif is_inside and name and line.strip():
            said[name] += f" {line.strip()}"
    return said
