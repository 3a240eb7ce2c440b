"""A request's JSON, bounded and plain: what isn't is refused before anything reads it."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request

from riffkit.server.answers import RefusalError

_MOST_DEPTH = 16
_MOST_DIGITS = 20


async def read_body(request: Request, most_bytes: int) -> bytes:
    """A body, refused with 413 once it is longer than that."""
    announced = request.headers.get("content-length", "0")
    body = bytearray()
    if not announced.isdecimal() or int(announced[:20]) > most_bytes:
        _too_large(most_bytes)
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            _too_large(most_bytes)
    return bytes(body)


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises RefusalError: 415 for another type of content, 413 for too much, 400 for what isn't JSON,
    422 for another value, for what is nested deeply, and for text that isn't Unicode.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusalError(415, "send JSON, with the header `Content-Type: application/json`")
    body = await read_body(request, request.app.state.settings.limits.body_bytes)
    try:
        values = json.loads(
            body, parse_int=_whole, parse_float=_number, parse_constant=_not_a_number
        )
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "the request isn't valid JSON") from error
    if not isinstance(values, dict):
        raise RefusalError(422, "the request must be a JSON object: {…}")
    _check(values)
    return values


JsonBody = Annotated[dict[str, Any], Depends(json_body)]


def _too_large(most_bytes: int) -> NoReturn:
    raise RefusalError(413, f"too large; at most {most_bytes / (1 << 20):g} MiB are taken")


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("too large")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("too large")
    return value


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(text)


def _check(value: Any, depth: int = 0) -> None:
    if depth > _MOST_DEPTH:
        raise RefusalError(422, "the request is nested too deeply")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise RefusalError(422, "the request holds text that isn't Unicode, or a NUL character")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
