"""Pieces of the OpenAPI that routes share: what an answer holds."""

from __future__ import annotations

from typing import Any

from riffkit.server.sent_file import TYPES

Answer = dict[str, Any]
Answers = dict[int | str, Answer]
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "One plain sentence."}},
}


def sentence(description: str) -> Answer:
    """An error."""
    return {"description": description, "content": {"application/json": {"schema": _ERROR}}}


def table(description: str, *names: str) -> Answer:
    """A JSON object that has these."""
    schema = {"type": "object", "required": list(names), "properties": {name: {} for name in names}}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def file_of(*suffixes: str) -> Answer:
    """A file of one of these kinds."""
    kinds = {TYPES[suffix]: _binary() for suffix in suffixes}
    return {"description": "The file.", "content": kinds}


def json_request(properties: dict[str, Any], *required: str) -> Answer:
    """The body of a request, for `openapi_extra`."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _binary() -> Answer:
    return {"schema": {"type": "string", "format": "binary"}}


NOT_FOUND = sentence("There is no such thing.")
PARTIAL = {"description": "The range that was asked for."}
UNCHANGED = {"description": "The client has it already."}
BODY: Answers = {
    400: sentence("It isn't JSON."),
    413: sentence("It is too large."),
    415: sentence("It is of another type."),
    422: sentence("A value that can't be used."),
}
"""What is wrong with a request's body."""
QUEUE: Answers = {429: sentence("Too many jobs wait; try again after `Retry-After` seconds.")}
