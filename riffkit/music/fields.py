"""Metadata of request fields: help and valid values, shared by every interface.

A field becomes a command-line option, a batch column and a Python keyword.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from riffkit.errors import ParameterError

_KEY = "riffkit"


@dataclass(frozen=True)
class About:
    """`help` is one line; `least` and `most` bound a number; `metavar` stands for its value.

    A `positional` field is an argument of the command, in field order. An `in_files_only` field can
    only be set in a script or batch.
    """

    help: str
    least: int | float | None = None
    most: int | float | None = None
    metavar: str | None = None
    positional: bool = False
    in_files_only: bool = False


def option(help: str, default: Any = MISSING, **about: Any) -> Any:  # noqa: A002
    """A dataclass field with help and limits; `about` are the fields of `About`."""
    return field(default=default, metadata={_KEY: About(help, **about)})


def about_of(request: type[Any]) -> dict[str, About]:
    """The `About` of each field of a request class, in field order."""
    return {one.name: one.metadata.get(_KEY, About("")) for one in fields(request)}


def check_ranges(request: Any) -> None:
    """Raise ParameterError for a number out of range."""
    for name, about in about_of(type(request)).items():
        value = getattr(request, name)
        if value is None or (about.least is None and about.most is None):
            continue
        least = -float("inf") if about.least is None else about.least
        most = float("inf") if about.most is None else about.most
        if not least <= value <= most:
            shown = f"{value:g}" if isinstance(value, float) else f"{value}"
            if about.most is None:
                raise ParameterError(f"{name}={shown}: must be at least {about.least:g}")
            raise ParameterError(
                f"{name}={shown}: must be between {about.least:g} and {about.most:g}"
            )
