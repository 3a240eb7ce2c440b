"""Reads a story's script: a TOML file of values, with each keyframe under [[keyframe]]."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

from riffkit.errors import ParameterError
from riffkit.kinds import at_home
from riffkit.music.seeds import seed_names
from riffkit.music.timeline import Keyframe
from riffkit.music.values import check_names

_TAIL_BARS = 4  # of a story that doesn't say how long it is, behind the last keyframe


def read_script(path: Path) -> dict[str, Any]:
    """The values of a story's request, and its `theme`, if it has one: a file is relative to the
    script's folder. ParameterError if it is not a script.
    """
    name = f"script={path.name!r}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ParameterError(f"{name}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{name}: not valid TOML ({error})") from error
    values = script_values(text, name=name)
    if "theme" in values and values["theme"] not in seed_names():
        values["theme"] = (path.parent / at_home(str(values["theme"]))).absolute()
    return values


def script_values(text: str, *, name: str = "script") -> dict[str, Any]:
    """The same of a script's text, with its `theme` as it is written; opens no file.

    Without `bars`, the piece ends four bars after its last keyframe. `name` is the script's in
    messages.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ParameterError(f"{name}: not valid TOML ({error})") from error
    frames = values.pop("keyframe", [])
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise ParameterError("keyframe: must be a table; start each one with [[keyframe]]")
    if "keyframes" in values:
        raise ParameterError("script: unknown name 'keyframes'; did you mean [[keyframe]]?")
    for frame in frames:
        check_names(frame, Keyframe.__dataclass_fields__, "keyframe")
        if not {"bar", "prompt"} <= set(frame):
            raise ParameterError("keyframe: must have a bar and a prompt")
    numbers = [frame["bar"] for frame in frames]
    if "bars" not in values and all(isinstance(bar, int | float) for bar in numbers) and numbers:
        if not all(map(math.isfinite, numbers)):
            raise ParameterError("keyframe: bar must be a finite number")
        values["bars"] = math.ceil(max(numbers)) + _TAIL_BARS
    if "bars" not in values:
        raise ParameterError("script: must have bars, or keyframes with a bar each")
    return {**values, "keyframes": frames}
