"""A clip's files: as they are, in other formats, and at another tempo and pitch."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response

from riffkit.errors import ParameterError
from riffkit.export.naming import clip_name
from riffkit.server import conversions
from riffkit.server.answers import RefusalError, missing
from riffkit.server.converter import Converter
from riffkit.server.derived import Derived
from riffkit.server.documented import NOT_FOUND, PARTIAL, UNCHANGED, Answers, file_of, sentence
from riffkit.server.folder import hashed_id
from riffkit.server.library import recipe_text, wanted_clip
from riffkit.server.sent_file import file_answer
from riffkit.server.store import ClipRow
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.params import MAX_TRANSPOSE

router = APIRouter(tags=["clips"])
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")
_OTHERS = (".png", ".json", ".mid")
_ENDINGS = ", ".join((*SOUNDS, *_OTHERS))
_FILE: Answers = {
    200: file_of(*SOUNDS, *_OTHERS),
    206: PARTIAL,
    304: UNCHANGED,
    400: sentence("A Range header that can't be read."),
    404: NOT_FOUND,
    416: sentence("A range behind the file's end."),
    422: sentence("A tempo or pitch at which it can't be played."),
}


def begin(app: FastAPI) -> None:
    """What the routes of clips, uploads and scores share."""
    app.state.converter, app.state.derived = Converter(), Derived()
    app.state.parts.append(app.state.converter)


@router.head("/api/clips/{clip}.{suffix}", include_in_schema=False)
@router.get("/api/clips/{clip}.{suffix}", responses=_FILE, response_class=Response)
async def clip_file(
    request: Request,
    clip: str,
    suffix: str,
    bpm: Annotated[float | None, Query(description="Play it at this tempo.")] = None,
    transpose: Annotated[float, Query(description="Semitones to raise the pitch by.")] = 0.0,
    download: Annotated[bool, Query(description="As a file to save.")] = False,
) -> Response:
    """A clip as .wav, .flac, .mp3 or .ogg, its image (.png), its recipe (.json), its notes (.mid).

    With `bpm` or `transpose` a sound is decoded from the image at that tempo and pitch.
    """
    row, ending = wanted_clip(request, clip), f".{suffix}"
    if ending not in (*SOUNDS, *_OTHERS):
        raise RefusalError(404, f"a clip has no .{suffix[:20]}; it has {_ENDINGS}")
    bpm = None if bpm is not None and row.bpm is not None and abs(bpm - row.bpm) < 1e-6 else bpm
    is_moved = bpm is not None or transpose != 0
    if is_moved and ending not in SOUNDS:
        raise RefusalError(422, f"bpm and transpose: are for sound, and not for .{suffix}")
    _check_playable(bpm, transpose)
    name = name_of(row, ending, bpm=bpm, transpose=transpose)
    if ending == ".json":
        return await _recipe(request, row, name, attached=download)
    if is_moved:
        path = await played(request.app, row, ending, bpm=bpm, transpose=transpose)
    else:
        path = await encoded(request.app, row, ending)
    return file_answer(request, path, name, attached=download)


@router.head("/api/clips/{clip}/stems/{number}.{suffix}", include_in_schema=False)
@router.get(
    "/api/clips/{clip}/stems/{number}.{suffix}",
    responses={**_FILE, 200: file_of(".wav", ".png")},
    response_class=Response,
)
async def stem_file(
    request: Request,
    clip: str,
    number: str,
    suffix: str,
    download: Annotated[bool, Query(description="As a file to save.")] = False,
) -> Response:
    """One player of a clip, as .wav or as .png; the first is number 1."""
    row = wanted_clip(request, clip)
    paths = request.app.state.folder.stem_files(row)
    is_number = number.isascii() and number.isdecimal() and len(number) < 4
    if not is_number or not 1 <= int(number) <= len(paths) or suffix not in ("wav", "png"):
        raise missing("stem")
    path: Path = paths[int(number) - 1].with_suffix(f".{suffix}")
    stems = row.stems[int(number) - 1 : int(number)]
    name = name_of(row, path.suffix, part=next(iter(stems), path.stem))
    return file_answer(request, path, name, attached=download)


async def encoded(app: FastAPI, row: ClipRow, suffix: str) -> Path:
    """A clip's file of that ending; RefusalError (404) for notes that it doesn't have."""
    folder = app.state.folder
    audio, image = (folder.clip_file(row, own) for own in (".wav", ".png"))
    if suffix in (".wav", ".png"):
        return audio if suffix == ".wav" else image
    if suffix == ".mid" and not row.has_score:
        raise RefusalError(404, "this clip wasn't painted from a score, so it has no exact notes")
    path = folder.derived(row, hashed_id("as it is", row.title), suffix)
    if suffix == ".mid":
        call: tuple[Any, ...] = (conversions.export_notes, audio, path, row.title)
    else:
        call = (conversions.encode_clip, audio, image, path, row.title, row.loop)
    return await _derived(app, row, path, call)


async def played(
    app: FastAPI, row: ClipRow, suffix: str, *, bpm: float | None, transpose: float = 0.0
) -> Path:
    """A clip decoded from its image at another tempo and pitch."""
    folder = app.state.folder
    own = (folder.clip_file(row, ending) for ending in (".wav", ".png"))
    path = folder.derived(row, hashed_id("sound at", bpm, transpose), suffix)
    return await _derived(app, row, path, (conversions.play_clip, *own, path, bpm, transpose))


async def _derived(app: FastAPI, row: ClipRow, path: Path, call: tuple[Any, ...]) -> Path:
    store, converter = app.state.store, app.state.converter
    made: Path = await app.state.derived.file(
        path, lambda: converter.run(*call), is_wanted=lambda: store.clip(row.id) is not None
    )
    return made


def _check_playable(bpm: float | None, transpose: float) -> None:
    """Raise ParameterError for a tempo or a pitch that there isn't."""
    if bpm is not None:
        BeatGrid(bpm, 1)
    if not abs(transpose) <= MAX_TRANSPOSE:
        raise ParameterError(
            f"transpose={transpose:g}: must be within ±{MAX_TRANSPOSE:g} semitones"
        )


async def _recipe(request: Request, row: ClipRow, name: str, *, attached: bool) -> Response:
    text = await asyncio.to_thread(recipe_text, request.app, row)
    kind = "attachment" if attached else "inline"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_")
    return Response(
        json.dumps(json.loads(text), indent=1, ensure_ascii=False),
        media_type="application/json",
        headers={"Content-Disposition": f'{kind}; filename="{ascii_name}"'},
    )


def name_of(
    row: ClipRow, suffix: str, *, bpm: float | None = None, transpose: float = 0.0, part: str = ""
) -> str:
    """ "lo-fi piano_80bpm_Am_2bars.wav", with the tempo and key as it is played."""
    tempo = row.bpm if bpm is None else bpm
    return clip_name(
        row.title, suffix, bpm=tempo, key=row.key, bars=row.bars, part=part, transpose=transpose
    )
