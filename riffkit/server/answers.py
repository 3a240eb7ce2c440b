"""How errors are answered: always {"error": "one plain sentence"}."""

from __future__ import annotations

import errno
import json
import logging
import re
import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from riffkit.errors import OutputError, RiffkitError, reason_of

_log = logging.getLogger(__name__)
_ID = re.compile("[a-z0-9]{12}")
_FULL = "the disk is full; make room, or start the server with another `data` folder"
_UNEXPECTED = "something went wrong here; the server's log says what"
_SENTENCES = {404: "there is nothing at this address", 405: "this address doesn't take that method"}


class Json(JSONResponse):
    """JSON of any values; what isn't a number in JSON is null."""

    def render(self, content: Any) -> bytes:
        try:
            text = json.dumps(content, allow_nan=False, separators=(",", ":"))
        except ValueError:
            text = json.dumps(_finite(content), separators=(",", ":"))
        return text.encode()


class RefusalError(Exception):
    """A status, a sentence, and headers such as Retry-After."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def refused(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An error's answer."""
    return Json({"error": sentence}, status_code=status, headers=headers)


def missing(what: str) -> RefusalError:
    """For an id that nothing has."""
    return RefusalError(404, f"there is no such {what}")


def checked_id(text: str, what: str) -> str:
    """An id as the server makes them; RefusalError (404) for another, which may be a path."""
    if not _ID.fullmatch(text):
        raise missing(what)
    return text


class Unexpected:
    """ASGI: an error that nothing answers is logged, and answered too."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_begun = False

        async def heard(message: Any) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, heard)
        except Exception:
            if is_begun or scope["type"] != "http":
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await refused(500, _UNEXPECTED)(scope, receive, send)


def add_handlers(app: FastAPI) -> None:
    """Answer all errors as JSON."""
    app.add_middleware(Unexpected)

    @app.exception_handler(RefusalError)
    async def _refusal(request: Request, error: RefusalError) -> Response:
        return refused(error.status, error.sentence, error.headers)

    @app.exception_handler(RiffkitError)
    async def _value(request: Request, error: RiffkitError) -> Response:
        cause = error.__cause__
        if isinstance(error, OutputError) and isinstance(cause, OSError) and _is_full(cause):
            return refused(507, _FULL)
        return refused(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def _parameter(request: Request, error: RequestValidationError) -> Response:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"][1:])) or "request"
        return refused(422, f"{name}: {reason_of(fault)}")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        sentence = _SENTENCES.get(error.status_code, str(error.detail))
        return refused(error.status_code, sentence, dict(error.headers or {}))

    @app.exception_handler(sqlite3.OperationalError)
    async def _database(request: Request, error: sqlite3.OperationalError) -> Response:
        if "full" in str(error):
            return refused(507, _FULL)
        _log.exception("the database failed", exc_info=error)
        return refused(500, f"the library's database can't be used: {error}")

    @app.exception_handler(OSError)
    async def _disk(request: Request, error: OSError) -> Response:
        if _is_full(error):
            return refused(507, _FULL)
        _log.exception("a file can't be used", exc_info=error)
        return refused(500, f"a file of the library can't be used: {error.strerror or error}")


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    is_number = not isinstance(value, float) or value - value == 0
    return value if is_number else None
