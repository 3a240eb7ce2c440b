"""Takes in a file that a client sends: streamed to the disk, limited, looked at, then kept."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from riffkit.kinds import SOUND_SUFFIXES
from riffkit.music.midi import SUFFIXES as MIDI_SUFFIXES
from riffkit.server import conversions
from riffkit.server.answers import RefusalError
from riffkit.server.conversions import Described
from riffkit.server.store import UploadRow, new_id

_FORM_BYTES = 64 << 10  # of what a form has around its file
_MOST_NAME = 120
_SECONDS = 120.0


async def sent_file(request: Request) -> UploadFile:
    """The `file` of a form, once it is whole.

    Raises:
        RefusalError: it is too large (413), of another type (415), or no form with a file (422).
    """
    most = request.app.state.settings.limits.upload_bytes
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise RefusalError(415, "send a form: `Content-Type: multipart/form-data` with a `file`")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most + _FORM_BYTES:
        raise _too_large(most)
    limited = Request(request.scope, _limited(request.receive, most))
    try:
        form = await limited.form(max_files=1, max_fields=8)
    except HTTPException as error:
        raise RefusalError(422, f"file: the form can't be read ({error.detail})") from error
    except (UnicodeDecodeError, ValueError, KeyError) as error:
        raise RefusalError(422, "file: the form can't be read") from error
    except ClientDisconnect as error:
        raise RefusalError(400, "file: its sending was broken off") from error
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise RefusalError(422, "file: missing; send a form with a `file`")
    if (file.size or 0) > most:
        raise _too_large(most)
    return file


def _limited(receive: Any, most: int) -> Any:
    """`receive`, until it has given more bytes than a file and its form may have."""
    n_bytes = 0

    async def limited() -> Any:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > most + _FORM_BYTES:
            raise _too_large(most)
        return message

    return limited


def _too_large(most: int) -> RefusalError:
    return RefusalError(
        413, f"file: larger than {most / (1 << 20):g} MiB, the most that is taken; cut it first"
    )


def shown_name(name: str | None) -> str:
    """What the client calls a file, without folders and control characters; it is only shown."""
    last = PureWindowsPath(PurePosixPath(name or "").name).name
    plain = "".join(letter for letter in last if letter.isprintable()).strip()
    stem, suffix = Path(plain).stem, Path(plain).suffix
    return f"{stem[:_MOST_NAME]}{suffix[:10]}" or "file"


async def take_in(app: FastAPI, file: UploadFile) -> UploadRow:
    """Look at a file, and keep it if it is one that riffkit reads.

    Raises:
        RiffkitError: it isn't; the message has the client's name for it.
    """
    name, most_seconds = shown_name(file.filename), app.state.settings.limits.upload_seconds
    suffix = Path(name).suffix.lower()
    suffix = suffix if suffix in (*SOUND_SUFFIXES, *MIDI_SUFFIXES) else ""
    with unfinished(app, suffix) as path:
        await asyncio.to_thread(_copy, file, path)
        call = (conversions.describe_upload, path, name, most_seconds)
        found = await app.state.converter.run(*call, seconds=_SECONDS)
        return keep(app, path, name, found)


@contextmanager
def unfinished(app: FastAPI, suffix: str) -> Iterator[Path]:
    """A place for a file that isn't an upload yet; what is left there goes."""
    path = app.state.folder.uploads / f".riffkit-{new_id()}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def keep(app: FastAPI, path: Path, name: str, found: Described) -> UploadRow:
    """Make an upload of a file that was looked at."""
    row = UploadRow(
        id=new_id(),
        name=name,
        kind=found.kind,
        suffix=found.suffix,
        size=path.stat().st_size,
        seconds=found.seconds,
        sample_rate=found.sample_rate,
        width=found.width,
        height=found.height,
    )
    place = app.state.folder.upload_file(row)
    os.replace(path, place)
    try:
        app.state.store.add_upload(row)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return row


def _copy(file: UploadFile, path: Path) -> None:
    file.file.seek(0)
    with path.open("wb") as output:
        shutil.copyfileobj(file.file, output, 1 << 20)
