"""Files that a client sends, as inputs of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response

from riffkit.server import conversions
from riffkit.server.answers import Json, RefusalError, missing
from riffkit.server.as_json import upload_json
from riffkit.server.documented import BODY, NOT_FOUND, PARTIAL, UNCHANGED, file_of, sentence, table
from riffkit.server.leftovers import is_waited_for, remove_leftovers
from riffkit.server.library import wanted_upload
from riffkit.server.sent_file import file_answer
from riffkit.server.sent_in import sent_file, take_in

router = APIRouter(tags=["uploads"])
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def begin(app: FastAPI) -> None:
    """Old uploads that nothing needs go."""
    remove_leftovers(app.state.store, app.state.folder)


@router.post(
    "/api/uploads",
    status_code=201,
    responses={201: table("The upload.", "id", "kind"), **BODY},
    openapi_extra=_FORM,
)
async def post_upload(request: Request) -> Response:
    """Send a sound, a spectrogram image, a mask or MIDI, as the `file` of a form."""
    file = await sent_file(request)
    try:
        row = await take_in(request.app, file)
    finally:
        await file.close()
    return Json(upload_json(row), 201, {"Location": f"/api/uploads/{row.id}"})


@router.head("/api/uploads/{upload}.{suffix}", include_in_schema=False)
@router.get(
    "/api/uploads/{upload}.{suffix}",
    response_class=Response,
    responses={
        200: file_of(".wav", ".flac", ".mp3", ".ogg", ".png", ".mid"),
        206: PARTIAL,
        304: UNCHANGED,
        400: sentence("A Range header that can't be read."),
        404: NOT_FOUND,
        416: sentence("A range behind the file's end."),
    },
)
def get_upload_file(
    request: Request,
    upload: str,
    suffix: str,
    download: Annotated[bool, Query(description="As a file to save.")] = False,
) -> Response:
    """The file as it was sent, under the ending of its kind."""
    row = wanted_upload(request, upload)
    if row.suffix != f".{suffix}":
        raise RefusalError(404, f"this upload is a {row.suffix} file")
    path = request.app.state.folder.upload_file(row)
    return file_answer(request, path, row.name, attached=download)


@router.get("/api/uploads/{upload}", responses={200: table("It.", "id", "kind"), 404: NOT_FOUND})
def get_upload(request: Request, upload: str) -> Response:
    """An upload."""
    return Json(upload_json(wanted_upload(request, upload)))


@router.delete(
    "/api/uploads/{upload}",
    status_code=204,
    response_class=Response,
    responses={404: NOT_FOUND, 409: sentence("A job that isn't over needs it.")},
)
def delete_upload(request: Request, upload: str) -> Response:
    """Delete an upload; clips that were made from it stay."""
    row, state = wanted_upload(request, upload), request.app.state
    if is_waited_for(state.store, row.id):
        raise RefusalError(409, "a job needs this upload; cancel it, or wait until it is over")
    state.folder.upload_file(row).unlink(missing_ok=True)
    state.store.remove_upload(row.id)
    return Response(status_code=204)


@router.get(
    "/api/uploads/{upload}/score",
    responses={200: table("The score.", "score", "chords", "names"), 404: NOT_FOUND},
)
async def get_upload_score(request: Request, upload: str) -> Response:
    """The notes of a MIDI file, its chords as text, and each track's player."""
    row = wanted_upload(request, upload)
    if row.kind != "midi":
        raise missing("score")
    path = request.app.state.folder.upload_file(row)
    return Json(await request.app.state.converter.run(conversions.read_notes, path))
