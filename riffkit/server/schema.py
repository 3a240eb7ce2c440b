"""Tasks as the API describes them, its OpenAPI, and a job's JSON as a call.

All of it follows from the tasks' request types, as the command line's options do, so a task that a
program registers is there by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from riffkit.errors import ParameterError, unknown
from riffkit.music.fields import About, about_of
from riffkit.music.registry import task, tasks
from riffkit.music.request import PaintRequest
from riffkit.music.task import Call, Input, Task
from riffkit.music.values import call_of, check_names, inner, is_span, random_seed, words_of
from riffkit.server.documented import sentence
from riffkit.server.references import References, inputs_of

MOST_CLIPS = 16
_COMMON = {one.name for one in fields(PaintRequest)}
_NAMES: dict[Any, str] = {int: "integer", float: "number", bool: "boolean", str: "string"}


@dataclass(frozen=True)
class Submitted:
    """What a client asks for. `request` are values as they were given."""

    task: str
    request: Mapping[str, Any]
    inputs: Mapping[str, Any]
    count: int = 1
    model: str | None = None


def server_tasks() -> dict[str, Task[Any]]:
    """The registry's tasks, and `import`, by which a studio takes files into its library."""
    return {**tasks(), "import": task("import")}


def task_of(name: Any) -> Task[Any]:
    """The task of that name, listed or not; ParameterError if there is none."""
    try:
        return task(str(name))
    except ParameterError as error:
        raise ParameterError(f"task: {unknown(str(name), server_tasks())}") from error


# a job's JSON → a call


def submitted(body: Mapping[str, Any]) -> Submitted:
    """What a job's JSON asks for, its names and types checked; ParameterError if they are wrong."""
    check_names(body, ("task", "request", "inputs", "count", "model"))
    if body.get("task") is None:
        raise ParameterError(f"task: missing; one of {', '.join(server_tasks())}")
    task_of(body["task"])
    given: dict[str, Any] = {}
    for name in ("request", "inputs"):
        given[name] = {} if body.get(name) is None else body[name]
        if not isinstance(given[name], dict):
            raise ParameterError(f"{name}: must be a table of values, {{…}}")
    inputs = {name: value for name, value in given["inputs"].items() if value is not None}
    count, model = body.get("count"), body.get("model")
    count = 1 if count is None else count
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_CLIPS:
        raise ParameterError(f"count={count!r}: must be between 1 and {MOST_CLIPS}")
    if model is not None and not isinstance(model, str):
        raise ParameterError(f"model={model!r}: must be a model's name")
    return Submitted(body["task"], given["request"], inputs, count, model)


def with_seed(asked: Submitted) -> Submitted:
    """The same with a seed, drawn where it has none."""
    has_one = any(one.name == "seed" for one in fields(task_of(asked.task).request))
    if not has_one or asked.request.get("seed") is not None:
        return asked
    return replace(asked, request={**asked.request, "seed": random_seed()})


def calls_of(asked: Submitted, references: References) -> list[Call[Any]]:
    """The calls of a job, with seeds that count up; ParameterError in the library's words."""
    task = task_of(asked.task)
    or_prompt = {one.name for one in inputs_of(task).values() if one.or_prompt}
    own = {name: value for name, value in asked.request.items() if name not in or_prompt}
    ends = {name: value for name, value in asked.request.items() if name in or_prompt}
    check_names(own, about_of(task.request), task.name)
    if asked.count > 1 and task.count is not None:
        raise ParameterError(f"count: {task.name} makes several clips; set its own `{task.count}`")
    files = references.values(task, {**ends, **asked.inputs})
    try:
        first = call_of(task, {**own, **files}, only_paths=True)
    except (OverflowError, RecursionError) as error:
        raise ParameterError(f"{task.name}: a value is too large") from error
    if asked.count == 1:
        return [first]
    if not hasattr(first.request, "seed"):
        raise ParameterError(f"count: {task.name} draws nothing; leave it out")
    seeds = (first.request.seed + index for index in range(asked.count))
    return [replace(first, request=replace(first.request, seed=seed)) for seed in seeds]


# tasks → JSON


def task_json(task: Task[Any]) -> dict[str, Any]:
    """A task's description, its own fields before those that all have."""
    ordered = sorted(fields_json(task.request), key=lambda field: field["common"])
    return {
        "name": task.name,
        "summary": task.summary,
        "count": task.count,
        "inputs": [_input_json(one) for one in inputs_of(task).values()],
        "fields": ordered,
    }


def _input_json(one: Input) -> dict[str, Any]:
    return {
        "name": one.name,
        "help": one.help,
        "required": one.required,
        "or_prompt": one.or_prompt,
        "names": list(one.names()),
        "kinds": list(one.kinds),
    }


def fields_json(request: type[Any]) -> list[dict[str, Any]]:
    """The fields of a request, or of a value within one."""
    about, hints = about_of(request), get_type_hints(request)
    return [_field_json(one, about[one.name], hints[one.name]) for one in fields(request)]


def _field_json(field: Any, about: About, hint: Any) -> dict[str, Any]:
    default = None if field.name == "seed" or field.default is MISSING else field.default
    kind = _type_of(hint)
    found = {
        "name": field.name,
        "type": kind,
        "help": about.help,
        "default": list(default) if isinstance(default, tuple) else default,
        "least": about.least,
        "most": about.most,
        "choices": _choices(hint),
        "metavar": about.metavar,
        "required": field.default is MISSING and field.default_factory is MISSING,
        "common": field.name in _COMMON,
    }
    if kind == "keyframes":
        found["fields"] = fields_json(get_args(inner(hint))[0])
    return found


def _type_of(hint: Any) -> str:
    if words_of(hint):
        return "number_or_word"
    hint = inner(hint)
    if get_origin(hint) is Literal:
        return "choice"
    if is_span(hint):
        return "span"
    if get_origin(hint) is tuple:
        return "keyframes" if is_dataclass(get_args(hint)[0]) else "strings"
    return _NAMES.get(hint, "string")


def _choices(hint: Any) -> list[Any] | None:
    words = words_of(hint)
    if words:
        return list(words)
    hint = inner(hint)
    return list(get_args(hint)) if get_origin(hint) is Literal else None


# fields → JSON schema


def job_schema() -> dict[str, Any]:
    """The schema of `POST /api/jobs`: one for each task."""
    return {"oneOf": [_job_schema(task) for task in server_tasks().values()]}


def _job_schema(task: Task[Any]) -> dict[str, Any]:
    own, inputs = fields_json(task.request), inputs_of(task).values()
    needed = [one.name for one in inputs if one.required]
    request: dict[str, Any] = _table({field["name"]: _schema(field) for field in own})
    request["required"] = [field["name"] for field in own if field["required"]]
    files = _table({one.name: _input_schema(one) for one in inputs})
    files["required"] = needed
    values = {
        "task": {"const": task.name, "type": "string"},
        "request": request,
        "inputs": files,
        "count": {"type": "integer", "minimum": 1, "maximum": MOST_CLIPS, "default": 1},
        "model": {"type": ["string", "null"]},
    }
    required = ["task", *(["request"] if request["required"] else [])]
    return {
        **_table(values),
        "title": task.name,
        "description": task.summary,
        "required": [*required, *(["inputs"] if needed else [])],
    }


def _table(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": values, "additionalProperties": False}


def _input_schema(one: Input) -> dict[str, Any]:
    reference = {"type": "string", "pattern": "^(clip|upload):[a-z0-9]{12}$"}
    if one.or_prompt:
        reference = {"type": "string"}
    either = [reference, *([{"enum": list(one.names())}] if one.names() else [])]
    if not one.required:
        either.append({"type": "null"})
    return {"description": one.help, "anyOf": either}


def _schema(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field as JSON schema; what has a default may be null."""
    number = {
        name: field[key]
        for name, key in (("minimum", "least"), ("maximum", "most"))
        if field[key] is not None
    }
    strings = {"type": "array", "items": {"type": "string"}}
    span = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    kinds: dict[str, list[dict[str, Any]]] = {
        "integer": [{"type": "integer", **number}],
        "number": [{"type": "number", **number}],
        "boolean": [{"type": "boolean"}],
        "string": [{"type": "string"}],
        "choice": [{"enum": field["choices"]}],
        "span": [span, {"type": "string", "pattern": "^[0-9.]*:[0-9.]*$"}],
        "strings": [strings, {"type": "string"}],
        "number_or_word": [{"type": "number", **number}, {"enum": field["choices"]}],
    }
    if field["type"] == "keyframes":
        table = _table({one["name"]: _schema(one) for one in field["fields"]})
        table["required"] = [one["name"] for one in field["fields"] if one["required"]]
        either = [{"type": "array", "items": table, "minItems": 1}]
    else:
        either = kinds[field["type"]]
    found: dict[str, Any] = {"description": field["help"]}
    if not field["required"]:
        either = [*either, {"type": "null"}]
        found["default"] = field["default"]
    return {**found, **(either[0] if len(either) == 1 else {"anyOf": either})}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The application's OpenAPI, with the schema of jobs as the tasks are now."""
    found = get_openapi(
        title=app.title, version=app.version, routes=app.routes, description=app.description
    )
    posted = found["paths"].get("/api/jobs", {}).get("post")
    if posted is not None:
        content = {"application/json": {"schema": job_schema()}}
        posted["requestBody"] = {"required": True, "content": content}
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = sentence("An error, in one plain sentence.")
    return found
