"""Caption templates: "{style} with {instruments}, {key}, {bpm} bpm", the user's or our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter

from riffkit.errors import ParameterError, unknown

FIELDS = (
    "style",
    "instruments",
    "mood",
    "bpm",
    "key",
    "trigger",
    "caption",
    "artist",
    "title",
    "drums",
    "speed",
    "meter",
)
_GAPS = re.compile(r"\s*,(?:\s*,)+")


def read_templates(path: Path) -> tuple[str, ...]:
    """One template a line; empty lines and those that start with # are left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"templates={str(path)!r}: can't be read ({error})") from error
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise ParameterError(
            f"templates={str(path)!r}: contains no template; write one per line, such as "
            "'{style} with {instruments}, {key}, {bpm} bpm'"
        )
    for number, line in lines:
        _check(path, number, line)
    return tuple(line for _, line in lines)


def _check(path: Path, number: int, template: str) -> None:
    where = f"templates={path.name!r}, line {number}"
    try:
        used = fields_of(template)
    except ValueError as error:
        raise ParameterError(f"{where}: {error}; a field looks like {{style}}") from error
    for name in used:  # a nested field is none of ours, and fails below
        if name not in FIELDS:
            raise ParameterError(f"{where}: field {unknown(name, FIELDS)}")
    try:
        fill(template, dict.fromkeys(FIELDS, "x"))
    except (ValueError, KeyError) as error:
        raise ParameterError(
            f"{where}: {error}; each field must be a word, like {{style}}"
        ) from error


@lru_cache(maxsize=4096)
def fields_of(template: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def fill(template: str, values: Mapping[str, str]) -> str | None:
    """The template with its fields filled in; None where a value is wanting."""
    names = fields_of(template)
    if any(not values.get(name) for name in names):
        return None
    return tidied(template.format_map({name: values[name] for name in names}))


def fill_partly(template: str, values: Mapping[str, str]) -> str:
    """The template without the parts, between commas, whose value is wanting."""
    parts = [fill(part, values) for part in template.split(",")]
    return tidied(", ".join(part for part in parts if part))


def tidied(text: str) -> str:
    return _GAPS.sub(",", " ".join(text.split())).strip(" ,")
