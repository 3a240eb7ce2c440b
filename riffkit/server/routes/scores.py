"""Scores and scripts: composed, edited, and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from riffkit.errors import ParameterError
from riffkit.music.registry import tasks
from riffkit.music.script import script_values
from riffkit.music.seeds import seed_names
from riffkit.music.values import built, check_names
from riffkit.server import conversions
from riffkit.server.answers import Json, RefusalError
from riffkit.server.as_json import upload_json
from riffkit.server.body import JsonBody, read_body
from riffkit.server.conversions import Described
from riffkit.server.documented import BODY, json_request, sentence, table
from riffkit.server.references import References, is_reference
from riffkit.server.sent_in import keep, shown_name, unfinished

router = APIRouter(tags=["scores"])
_FILES = ("melody", "drums")
_SCRIPT_TYPES = ("text/plain", "application/toml")
_TEXT = {"schema": {"type": "string"}}


@router.post(
    "/api/scores",
    status_code=201,
    responses={201: table("It, as an upload.", "upload", "score", "chords", "names"), **BODY},
    openapi_extra=json_request(
        {
            "score": {"type": "object", "description": "A score, as this address gives it."},
            "compose": {"type": "object", "description": "What `riff compose` takes."},
            "title": {"type": "string"},
        }
    ),
)
async def post_score(request: Request, body: JsonBody) -> Response:
    """Compose a score, or take one that was edited: a MIDI upload that `generate` plays exactly.

    Give `compose`, the fields of `riff compose` with `melody` and `drums` as upload:ID, or `score`.
    """
    check_names(body, ("score", "compose", "title"))
    given = [name for name in ("score", "compose") if body.get(name) is not None]
    if len(given) != 1 or not isinstance(values := body[given[0]], dict):
        raise ParameterError("score and compose: give one of them, as a table of values {…}")
    title = body.get("title", "")
    if not isinstance(title, str):
        raise ParameterError("title: must be text")
    app = request.app
    with unfinished(app, ".mid") as path:
        if given == ["score"]:
            call: tuple[Any, ...] = (conversions.write_score, values, path, title)
        else:
            call = (conversions.compose_score, _with_files(app, values), path)
        facts = await app.state.converter.run(*call)
        stated = facts["score"]["facts"]
        seconds = stated["n_beats"] * 60 / stated["bpm"]
        name = shown_name(f"{title or facts.get('title') or 'score'}.mid")
        row = keep(app, path, name, Described("midi", ".mid", seconds))
    return Json({"upload": upload_json(row), **facts}, 201)


def _with_files(app: FastAPI, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a `ComposeRequest` with the files that they refer to."""
    references = References(app.state.store, app.state.folder)
    found = dict(values)
    for name in _FILES:
        if (given := values.get(name)) is not None:
            if not is_reference(given):
                raise ParameterError(f"{name}={given!r}: must be upload:ID")
            found[name] = references.path(given)
    return found


@router.post(
    "/api/scripts",
    responses={
        200: table("A job's request.", "request", "inputs"),
        413: BODY[413],
        415: BODY[415],
        422: sentence("It isn't a story's script."),
    },
    openapi_extra={
        "requestBody": {"required": True, "content": dict.fromkeys(_SCRIPT_TYPES, _TEXT)}
    },
)
async def post_script(request: Request) -> Response:
    """A story's script (TOML) as the request of a `story`; its theme is a bundled seed, clip:ID or
    upload:ID.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _SCRIPT_TYPES:
        raise RefusalError(415, "send a script as `Content-Type: application/toml`")
    body = await read_body(request, request.app.state.settings.limits.body_bytes)
    try:
        values = script_values(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ParameterError("script: isn't text in UTF-8") from error
    inputs = {}
    if (theme := values.pop("theme", None)) is not None:
        if not is_reference(theme) and str(theme) not in seed_names():
            raise ParameterError(
                f"theme={theme!r}: must be one of {', '.join(seed_names())}, or clip:ID or "
                "upload:ID of a file that you sent"
            )
        inputs["theme"] = theme
    (scripted,) = (one for one in tasks().values() if any(item.expand for item in one.inputs))
    built(scripted.request, values, where="script")
    return Json({"request": values, "inputs": inputs})
