"""The errors that riffkit raises for problems a user can fix.

    RiffkitError
    ├── ParameterError        a value out of range, an option that doesn't fit another
    ├── AudioFileError        a file that isn't audio, or is empty, truncated, damaged
    ├── ImageFileError        a file that isn't a spectrogram image
    ├── ModelError            a model that is missing, incomplete, or of another kind
    ├── OutputError           a place that can't be written: no folder, no permission, full disk
    └── WorkerError           a process of many that died, or a cluster that can't be reached

Each message is one line: the value given, the condition, the next step.
They are caught once, at the command line and at the server's edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SYNONYMS = {
    "cfg": "guidance",
    "image": "clip",
    "length": "bars",
    "lr": "learning_rate",
    "negative": "negative_prompt",
    "scale": "guidance",
    "seconds": "duration",
    "tempo": "bpm",
}


class RiffkitError(Exception):
    """Base of all errors that a user can fix."""


class ParameterError(RiffkitError, ValueError):
    """A parameter's value is not usable."""


class AudioFileError(RiffkitError):
    """A file cannot be used as audio."""


class ImageFileError(RiffkitError):
    """A file cannot be used as a spectrogram image."""


class ModelError(RiffkitError):
    """A model cannot be found or loaded."""


class OutputError(RiffkitError):
    """An output cannot be written."""


class WorkerError(RiffkitError):
    """A worker process died, or no worker can be reached."""


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of a name that isn't known: the one that was meant, or all that there are."""
    from difflib import get_close_matches

    known = tuple(known)
    asked = name.strip().lower()
    near = get_close_matches(asked, known, n=1, cutoff=0.5)
    if _SYNONYMS.get(asked) in known:
        near = [_SYNONYMS[asked]]
    if near:
        return f"{name!r} is unknown; did you mean {near[0]!r}?"
    return f"{name!r} is unknown; use one of {', '.join(known)}"


def reason_of(fault: Mapping[str, Any]) -> str:
    """What one of pydantic's errors says of a value, in our words."""
    reason = _REASONS.get(fault["type"]) or _REASONS.get(fault["type"].partition("_")[0])
    return (reason or "is not valid").format(**fault.get("ctx", {}))


_REASONS = {
    "value_error": "{error}",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "finite_number": "must be a finite number",
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string": "must be text",
    "tuple": "must be a list",
}
"""By pydantic's error types, or the part of them before "_"."""
