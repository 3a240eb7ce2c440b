"""Jobs and their events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from riffkit.server.answers import Json, checked_id, missing
from riffkit.server.as_json import job_json
from riffkit.server.body import JsonBody
from riffkit.server.documented import BODY, NOT_FOUND, QUEUE, Answers, table
from riffkit.server.events import MEDIA_TYPE
from riffkit.server.schema import submitted
from riffkit.server.store import JobRow, State

router = APIRouter(tags=["jobs"])
_LAST = 2**63 - 1
_SHOWN = table("The job.", "id", "task", "title", "state", "position", "clips")
_JOB: Answers = {200: _SHOWN, 404: NOT_FOUND}
_STREAM: Answers = {
    200: {"description": "Server-sent events.", "content": {MEDIA_TYPE: {}}},
    422: BODY[422],
}
LastEvent = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=_LAST)]
After = Annotated[int | None, Query(ge=0, le=_LAST)]


@router.post("/api/jobs", status_code=202, responses={202: _SHOWN, **BODY, **QUEUE})
def post_job(request: Request, body: JsonBody) -> Response:
    """Put a job into the queue: a task with its request and inputs."""
    state = request.app.state
    row = state.supervisor.submit(submitted(body))
    shown = job_json(_job(request, row.id), state.store)
    return Json(shown, 202, {"Location": f"/api/jobs/{row.id}"})


@router.get("/api/jobs", responses={200: table("Jobs, the newest first.", "jobs"), 422: BODY[422]})
def get_jobs(
    request: Request, state: State | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
) -> Response:
    """The jobs, the newest first."""
    store = request.app.state.store
    return Json({"jobs": [job_json(row, store) for row in store.jobs(state=state, limit=limit)]})


@router.get("/api/jobs/{job}", responses=_JOB)
def get_job(request: Request, job: str) -> Response:
    """A job, with the clips that it has made so far."""
    return Json(job_json(_job(request, job), request.app.state.store))


@router.delete("/api/jobs/{job}", responses=_JOB)
def delete_job(request: Request, job: str) -> Response:
    """Cancel a job: at once in the queue, within a step if it is running."""
    row = _job(request, job)
    request.app.state.supervisor.cancel(row.id)
    return Json(job_json(_job(request, job), request.app.state.store))


@router.get(
    "/api/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={**_STREAM, 404: NOT_FOUND},
)
def get_job_events(
    request: Request, job: str, after: After = None, last_event: LastEvent = None
) -> Response:
    """A job's events from its beginning, or after the last one that was heard, to its end."""
    begin = last_event if last_event is not None else after
    return _stream(request, begin or 0, job=_job(request, job).id)


@router.get("/api/events", response_class=StreamingResponse, responses=_STREAM)
def get_events(request: Request, after: After = None, last_event: LastEvent = None) -> Response:
    """Every event from now on, or after the last one that was heard."""
    begin = last_event if last_event is not None else after
    return _stream(request, request.app.state.store.last_event() if begin is None else begin)


def _stream(request: Request, after: int, **of: Any) -> Response:
    stream = request.app.state.events.stream(after, **of)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=headers)


def _job(request: Request, job: str) -> JobRow:
    row = request.app.state.store.job(checked_id(job, "job"))
    if row is None:
        raise missing("job")
    found: JobRow = row
    return found
