"""Clips as files for other programs: what `riff export` writes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response

from riffkit.errors import ParameterError
from riffkit.export.exporter import FOLDER, Exporter
from riffkit.export.registry import exporter, kinds
from riffkit.server import conversions
from riffkit.server.answers import Json, missing
from riffkit.server.converter import Converter
from riffkit.server.documented import NOT_FOUND, PARTIAL, UNCHANGED, sentence, table
from riffkit.server.folder import hashed_id
from riffkit.server.library import wanted_clip
from riffkit.server.routes.clip_files import name_of
from riffkit.server.schema import fields_json
from riffkit.server.sent_file import file_answer

router = APIRouter(tags=["clips"])
_ZIP = ".zip"
_SECONDS = 1_800.0
"""The most that one may take: a video of some hours."""
_OWN = ("ending", "download")
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def begin(app: FastAPI) -> None:
    """They have a process of their own: a long video mustn't make other downloads wait."""
    app.state.exporting = Converter()
    app.state.parts.append(app.state.exporting)


@router.get("/api/exporters", responses={200: table("What there is.", "exporters")})
async def get_exporters() -> Response:
    """What clips can be exported to: each kind's endings and options."""
    return Json({"exporters": [_described(exporter(kind)) for kind in kinds()]})


@router.head("/api/clips/{clip}/exports/{kind}", include_in_schema=False)
@router.get(
    "/api/clips/{clip}/exports/{kind}",
    responses={
        200: {"description": "The file; several as a ZIP.", "content": _FILE},
        206: PARTIAL,
        304: UNCHANGED,
        404: NOT_FOUND,
        416: sentence("A range behind the file's end."),
        422: sentence("An option that can't be used, or a clip that can't be exported so."),
    },
    response_class=Response,
)
async def get_export(
    request: Request,
    clip: str,
    kind: str,
    ending: Annotated[str, Query(description="Of the file: one of the exporter's.")] = "",
    download: Annotated[bool, Query(description="As a file to save.")] = True,
) -> Response:
    """A clip for another program. The exporter's options are given as they are named.

    It is made when it is first asked for, which may take some seconds.
    """
    row = wanted_clip(request, clip)
    if kind not in kinds():
        raise missing("exporter")
    found = exporter(kind)
    suffix = _suffix(found, ending)
    given = {name: text for name, text in request.query_params.items() if name not in _OWN}
    found.options(given)
    app = request.app
    key = hashed_id("export", kind, row.title, *sorted(given.items()))
    path = app.state.folder.derived(row, key, suffix)
    own = (app.state.folder.clip_file(row, one) for one in (".wav", ".png"))
    call: tuple[Any, ...] = (conversions.export_clip, kind, given, *own, path, row.title, row.loop)
    await app.state.derived.file(
        path,
        lambda: app.state.exporting.run(*call, seconds=_SECONDS),
        is_wanted=lambda: app.state.store.clip(row.id) is not None,
    )
    return file_answer(request, path, name_of(row, suffix), attached=download)


def _suffix(found: Exporter, ending: str) -> str:
    """The ending of what is sent: folders are sent as a ZIP."""
    endings = list(dict.fromkeys(one if one != FOLDER else _ZIP for one in found.endings))
    if ending and ending not in endings:
        raise ParameterError(f"ending={ending[:20]!r}: must be one of {', '.join(endings)}")
    return ending or endings[0]


def _described(found: Exporter) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "summary": found.summary,
        "endings": [_ZIP if one == FOLDER else one for one in found.endings],
        "fields": fields_json(found.request),
    }
