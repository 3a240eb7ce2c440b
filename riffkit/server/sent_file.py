"""A file as an answer: whole or in ranges, only if it changed, and its errors as JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.responses import FileResponse, Response

from riffkit.server.answers import missing, refused

TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".mid": "audio/midi",
    ".json": "application/json",
}
_SENTENCES = {
    400: "the Range header can't be read; write bytes=FIRST-LAST",
    416: "the file ends before the range that is asked for",
}


class SentFile(FileResponse):
    """A file's bytes; what is wrong with a range is said in JSON, as everywhere."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        refusals: list[Response] = []

        async def as_json(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] in _SENTENCES:
                given = {name.decode(): value.decode() for name, value in message["headers"]}
                kept = {"content-range": given["content-range"]} if "content-range" in given else {}
                refusals.append(refused(message["status"], _SENTENCES[message["status"]], kept))
            elif not refusals:
                await send(message)

        await super().__call__(scope, receive, as_json)
        if refusals:
            await refusals[0](scope, receive, send)


def file_answer(request: Request, path: Path, name: str, *, attached: bool = False) -> Response:
    """A file, under the name that a browser saves it as; RefusalError (404) if it is gone.

    Answers 304 where the client has it already (If-None-Match).
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise missing("file") from error
    answer = SentFile(
        path,
        stat_result=facts,
        filename=name,
        media_type=TYPES.get(path.suffix, "application/octet-stream"),
        content_disposition_type="attachment" if attached else "inline",
        headers={"Cache-Control": "no-cache"},
    )
    known = request.headers.get("if-none-match", "")
    if answer.headers["etag"] in re.split(r"\s*,\s*", known.replace("W/", "")):
        kept = {name: answer.headers[name] for name in ("etag", "cache-control", "last-modified")}
        return Response(status_code=304, headers=kept)
    return answer
