"""What there is to choose from: tasks, models, words; and the session."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

import riffkit
from riffkit.server.access import COOKIE, is_signed_in, same_token, session_of
from riffkit.server.answers import Json, RefusalError
from riffkit.server.body import JsonBody
from riffkit.server.documented import BODY, json_request, sentence, table
from riffkit.server.models import default_name, known_models
from riffkit.server.schema import server_tasks, task_json

router = APIRouter(tags=["models"])
_MOST_WORDS = 40
_COOKIE_SECONDS = 365 * 86_400


@router.get(
    "/health",
    responses={
        200: table("How it is.", "status", "version", "model", "device", "queue", "problem")
    },
)
async def get_health(request: Request) -> Response:
    """Whether the server works, its model and its queue. Needs no token."""
    facts = request.app.state.supervisor.health
    return Json({"status": facts.pop("status"), "version": riffkit.__version__, **facts})


@router.post(
    "/api/login",
    status_code=204,
    responses={**BODY, 401: sentence("It is another token.")},
    openapi_extra=json_request({"token": {"type": "string"}}, "token"),
)
async def post_login(request: Request, body: JsonBody) -> Response:
    """Sign a browser in with the server's token, by a cookie that scripts can't read."""
    settings = request.app.state.settings
    answer = Response(status_code=204)
    if settings.token is None:
        return answer
    token = body.get("token")
    if not isinstance(token, str) or not same_token(token, settings):
        await request.app.state.guesses.wait()
        raise RefusalError(401, "that isn't this server's token")
    answer.set_cookie(
        COOKIE,
        session_of(settings),
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        path="/",
    )
    return answer


@router.get("/api/session", responses={200: table("The session.", "token_needed", "signed_in")})
async def get_session(request: Request) -> Response:
    """Whether a token is needed, and whether this client has it."""
    settings = request.app.state.settings
    signed_in = is_signed_in(request.headers, settings)
    return Json({"token_needed": settings.token is not None, "signed_in": signed_in})


@router.get("/api/tasks", responses={200: table("The tasks.", "tasks")})
def get_tasks() -> Response:
    """The tasks with their inputs and fields, from which forms are made."""
    return Json({"tasks": [task_json(task) for task in server_tasks().values()]})


@router.get("/api/models", responses={200: table("The models.", "models", "current")})
def get_models(request: Request) -> Response:
    """The models that a job may name."""
    settings = request.app.state.settings
    models = [{"name": name, "about": about} for name, (_, about) in known_models(settings).items()]
    return Json({"models": models, "current": default_name(settings)})


@router.get(
    "/api/words", responses={200: table("Words.", "styles", "instruments", "moods"), 422: BODY[422]}
)
def get_words(q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Words that prompts may say, those that begin with `q` first."""
    found = {kind: _matching(words, q.strip().lower()) for kind, words in _words().items()}
    return Json(found)


def _matching(words: tuple[str, ...], asked: str) -> list[str]:
    matches = [word for word in words if asked in word.lower()]
    return sorted(matches, key=lambda word: not word.lower().startswith(asked))[:_MOST_WORDS]


@cache
def _words() -> dict[str, tuple[str, ...]]:
    from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, model_traits
    from riffkit.prompt.lexicon import lexicon

    known = lexicon(model_traits(bundled_models()[BUNDLED_DEFAULT]))
    found: dict[str, Any] = {"styles": [style.name.word for style in known.styles]}
    for kind in ("instruments", "moods"):
        found[kind] = [word.word for word in known.words.get(kind, ())]
    return {kind: tuple(words) for kind, words in found.items()}
