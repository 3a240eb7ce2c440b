"""Upgrades recipes of earlier versions to the current schema.

Whoever changes what a recipe holds, or a default, raises `SCHEMA`, adds a step here that gives old
recipes the value that they had then, and a golden recipe (tests/golden).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from riffkit.errors import ParameterError

SCHEMA = 5
Values = dict[str, Any]

_NO_PAINTING = ("encode", "decode")
_CHOICES_OF_0 = {"sampler": None, "guidance_interval": None, "deep_cache": 1}
"""Values that the first recipes left out."""
_MAIN_INPUT_OF_0 = {"loop": "theme", "story": "theme", "morph": "first"}
_CLIP, _FILE = "clip", "file"
_MUSIC = ("generate", "loop", "story", "extend")
_NO_SCORE: Values = {"chords": None, "humanize": 0.0, "stems": False}
_NO_SCORE |= {name: [] for name in ("track", "solo", "mute", "replace")}


def migrated(values: Values) -> Values:
    """A recipe's values in the current schema; ParameterError for a newer one."""
    schema = values.get("schema", 0)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ParameterError(f"recipe: schema {schema} is from a newer version; update riffkit")
    for step in _STEPS[schema:]:
        values = step(values)
    return values


def _from_0(values: Values) -> Values:
    """0.1.0: all inputs in one table under prefixed names, and some choices left out."""
    command, flat = values["command"], values.get("input", {})
    main = _FILE if command in _NO_PAINTING else _MAIN_INPUT_OF_0.get(command, _CLIP)
    inputs: dict[str, dict[str, str]] = {}
    for name, value in flat.items():
        which, _, what = name.rpartition(".")
        if what == "theme":
            inputs["theme"] = {"seed": value}
        else:
            inputs.setdefault(which or main, {})[what] = value
    choices = {} if command in _NO_PAINTING else _CHOICES_OF_0
    rest = {name: value for name, value in values.items() if name != "input"}
    return {**rest, "arguments": {**choices, **values["arguments"]}, "inputs": inputs, "schema": 1}


def _from_1(values: Values) -> Values:
    """Before `loudness` could be asked for."""
    if values["command"] == "encode":
        return {**values, "schema": 2}
    return {**values, "arguments": {"loudness": None, **values["arguments"]}, "schema": 2}


def _from_2(values: Values) -> Values:
    """Before edits were brought to the level of what is around them."""
    if values["command"] != "edit":
        return {**values, "schema": 3}
    return {**values, "arguments": {"keep_level": "off", **values["arguments"]}, "schema": 3}


def _from_3(values: Values) -> Values:
    """Before scores were painted after."""
    if values["command"] != "generate":
        return {**values, "schema": 4}
    return {**values, "arguments": {**_NO_SCORE, **values["arguments"]}, "schema": 4}


def _from_4(values: Values) -> Values:
    """Before scores were composed where nothing but a prompt was given."""
    if values["command"] not in _MUSIC:
        return {**values, "schema": 5}
    free = values.get("score") is None
    return {**values, "arguments": {"free": free, **values["arguments"]}, "schema": 5}


_STEPS: tuple[Callable[[Values], Values], ...] = (_from_0, _from_1, _from_2, _from_3, _from_4)
