"""The library: clips by id, searched, kept, deleted, and made again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from riffkit.errors import ParameterError
from riffkit.music.musical_facts import lead_samples
from riffkit.music.values import check_names
from riffkit.provenance.recipe import Recipe
from riffkit.score.notes import Score
from riffkit.server.answers import Json, RefusalError
from riffkit.server.as_json import clip_json, job_json
from riffkit.server.axes import axes_of
from riffkit.server.body import JsonBody
from riffkit.server.conversions import score_facts
from riffkit.server.documented import BODY, NOT_FOUND, QUEUE, Answers, json_request, sentence, table
from riffkit.server.library import again, recipe_text, searched_key, wanted_clip
from riffkit.server.store import ClipSearch

router = APIRouter(tags=["clips"])
_MOST_TITLE = 200
_CLIP: Answers = {200: table("The clip.", "id", "title", "seconds"), 404: NOT_FOUND}
_NO_SCORE = "this clip wasn't painted from a score, so it has no exact notes"
_LAST_SEED = 2**63 - 1


@router.get(
    "/api/clips",
    responses={200: table("Clips, the newest first.", "clips", "more"), 422: BODY[422]},
)
def get_clips(
    request: Request,
    q: Annotated[str, Query(max_length=200, description="Words of title or prompt.")] = "",
    bpm_from: float | None = None,
    bpm_to: float | None = None,
    key: Annotated[str | None, Query(max_length=40, description="A key: Am, F# major.")] = None,
    task: Annotated[str | None, Query(max_length=40)] = None,
    kept: bool | None = None,
    before: Annotated[str | None, Query(max_length=40, description="A clip's id.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Clips that are as asked, the newest first; `before` the last one goes on from there."""
    wanted = ClipSearch(
        words=q,
        bpm_from=bpm_from,
        bpm_to=bpm_to,
        key=searched_key(key) if key else None,
        task=task,
        kept=kept,
        before=before,
    )
    rows = request.app.state.store.clips(wanted, limit=limit + 1)
    return Json({"clips": [clip_json(row) for row in rows[:limit]], "more": len(rows) > limit})


@router.get("/api/clips/{clip}", responses=_CLIP)
def get_clip(request: Request, clip: str) -> Response:
    """A clip."""
    return Json(clip_json(wanted_clip(request, clip)))


@router.patch(
    "/api/clips/{clip}",
    responses={**_CLIP, **BODY},
    openapi_extra=json_request({"kept": {"type": "boolean"}, "title": {"type": "string"}}),
)
def patch_clip(request: Request, clip: str, body: JsonBody) -> Response:
    """Keep a clip, or call it something else."""
    row, store = wanted_clip(request, clip), request.app.state.store
    check_names(body, ("kept", "title"))
    kept, title = body.get("kept"), body.get("title")
    if not isinstance(kept, bool | None):
        raise ParameterError(f"kept={kept!r}: must be true or false")
    if title is not None:
        title = " ".join(title.split()) if isinstance(title, str) else ""
        if not 0 < len(title) <= _MOST_TITLE:
            raise ParameterError(f"title: must be text of 1 to {_MOST_TITLE} letters")
    store.set_clip(row.id, kept=kept, title=title)
    return Json(clip_json(wanted_clip(request, clip)))


@router.delete(
    "/api/clips/{clip}", status_code=204, response_class=Response, responses={404: NOT_FOUND}
)
def delete_clip(request: Request, clip: str) -> Response:
    """Delete a clip and its files."""
    row, state = wanted_clip(request, clip), request.app.state
    state.store.remove_clip(row)
    state.folder.remove_deleted(state.store)
    return Response(status_code=204)


@router.get(
    "/api/clips/{clip}/axes",
    responses={
        200: table("The axes.", "hz", "columns_per_beat", "seconds_per_column", "level_db"),
        404: NOT_FOUND,
    },
)
def get_axes(request: Request, clip: str) -> Response:
    """What rows, columns and gray levels of a clip's image mean.

    `hz` are the rows' frequencies as they sound, the top row first. Column x is heard at x ·
    `seconds_per_column` − `lead_seconds`: the image begins with a bar, perhaps before the sound.
    """
    row = wanted_clip(request, clip)
    recipe = Recipe.from_json(recipe_text(request.app, row))
    image = request.app.state.folder.clip_file(row, ".png")
    return Json(axes_of(image, lead_samples=lead_samples(recipe) or 0))


@router.get(
    "/api/clips/{clip}/score",
    responses={200: table("The score.", "score", "chords", "names"), 404: NOT_FOUND},
)
def get_score(request: Request, clip: str) -> Response:
    """The notes that a clip was painted from, its chords as text, and each track's player."""
    row = wanted_clip(request, clip)
    recipe = Recipe.from_json(recipe_text(request.app, row))
    if recipe.score is None:
        raise RefusalError(404, _NO_SCORE)
    return Json(score_facts(Score.from_dict(recipe.score)))


@router.post(
    "/api/clips/{clip}/again",
    status_code=202,
    responses={
        202: table("The job.", "id", "state"),
        404: NOT_FOUND,
        422: sentence("It can't be made again."),
        **QUEUE,
    },
)
def post_again(
    request: Request, clip: str, seed: Annotated[int | None, Query(ge=0, le=_LAST_SEED)] = None
) -> Response:
    """Make a clip anew from its recipe; from another seed, unless one is given."""
    row, state = wanted_clip(request, clip), request.app.state
    recipe = Recipe.from_json(recipe_text(request.app, row))
    job = state.supervisor.submit(again(state.store, state.folder, row, recipe, seed))
    return Json(job_json(job, state.store), 202, {"Location": f"/api/jobs/{job.id}"})
