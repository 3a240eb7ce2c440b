"""The fields of a request as parameters of a Python function."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import MISSING, fields
from inspect import Parameter
from typing import Any

from riffkit.music.fields import about_of


def request_parameters(
    request: type[Any], *, or_prompt: Collection[str] = (), all_open: bool = False
) -> list[Parameter]:
    """A parameter for each field; those that are positional on the command line are so here too.

    `or_prompt` names fields that are a prompt or a file. `all_open`: none has to be given.
    """
    about = about_of(request)
    found = []
    for field in fields(request):
        is_first = about[field.name].positional
        kind = Parameter.POSITIONAL_OR_KEYWORD if is_first else Parameter.KEYWORD_ONLY
        default: Any = None if field.name == "seed" else field.default
        if default is MISSING:
            default = None if all_open else Parameter.empty
        annotation = re.sub(r"tuple\[(\w+), \.\.\.\]", r"Sequence[\1]", str(field.type))
        annotation = re.sub(r"^Path\b", "str | Path", annotation)
        if field.name in or_prompt:
            annotation = f"{annotation} | Path"
        found.append(typed_parameter(field.name, kind, default, annotation))
    return found


def typed_parameter(name: str, kind: Any, default: Any, annotation: str) -> Parameter:
    """A parameter that may be None where that is its default."""
    if default is None and "None" not in annotation:
        annotation += " | None"
    return Parameter(name, kind, default=default, annotation=annotation)
