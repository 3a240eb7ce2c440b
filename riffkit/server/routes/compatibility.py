"""What clients of other servers ask for: Riffusion's, and those of speech."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from PIL import Image

from riffkit.server.answers import Json, RefusalError
from riffkit.server.body import JsonBody
from riffkit.server.documented import BODY, QUEUE, Answers, file_of, json_request, sentence, table
from riffkit.server.models import known_models, traits_of
from riffkit.server.riffusion import inference_of
from riffkit.server.routes.clip_files import encoded, name_of, played
from riffkit.server.schema import Submitted
from riffkit.server.sent_file import file_answer
from riffkit.server.speech import FORMATS, check_speed, speech_of
from riffkit.server.store import ClipRow

router = APIRouter(tags=["compatibility"])
_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_OR_NULL = {"type": ["string", "null"]}
_END = {
    "type": "object",
    "required": ["prompt", "seed"],
    "properties": {
        "prompt": _TEXT,
        "seed": {"type": "integer", "minimum": 0},
        "denoising": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.75},
        "guidance": {"type": ["number", "null"]},
        "negative_prompt": _OR_NULL,
    },
}
_FAILED: Answers = {409: sentence("The job was cancelled, or the server is stopping.")}


@router.post(
    "/run_inference/",
    responses={200: table("It.", "image", "audio", "duration_s"), **BODY, **QUEUE, **_FAILED},
    openapi_extra=json_request(
        {
            "start": _END,
            "end": _END,
            "alpha": {"type": "number", "minimum": 0, "maximum": 1},
            "num_inference_steps": {"type": ["integer", "null"], "minimum": 1},
            "seed_image_id": _OR_NULL,
            "mask_image_id": _OR_NULL,
        },
        *("start", "end", "alpha"),
    ),
)
async def post_inference(request: Request, body: JsonBody) -> Response:
    """The music at `alpha` between two prompts, as Riffusion's server gives it: data URIs of a JPEG
    and an MP3.

    It is a job like others: a client that goes away stops nothing, and the clip stays.
    """
    row = await _made(request, inference_of(body))
    folder = request.app.state.folder
    sound = await encoded(request.app, row, ".mp3")
    image = await asyncio.to_thread(_jpeg, folder.clip_file(row, ".png"))
    audio = await asyncio.to_thread(sound.read_bytes)
    return Json(
        {
            "image": _data_uri("image/jpeg", image),
            "audio": _data_uri("audio/mpeg", audio),
            "duration_s": row.seconds,
        }
    )


@router.post(
    "/v1/audio/speech",
    response_class=Response,
    responses={200: file_of(*(f".{kind}" for kind in FORMATS)), **BODY, **QUEUE, **_FAILED},
    openapi_extra=json_request(
        {
            "input": {"type": "string", "description": "The music in words."},
            "model": _OR_NULL,
            "voice": _OR_NULL,
            "response_format": {"type": "string", "enum": list(FORMATS), "default": "mp3"},
            "instructions": {"type": "string", "description": "More words."},
            "speed": {"type": "number", "minimum": 0.25, "maximum": 4, "default": 1},
        },
        "input",
    ),
)
async def post_speech(request: Request, body: JsonBody) -> Response:
    """Music for words, for clients that know only speech: waits for it, and answers the file."""
    asked, app = speech_of(body), request.app
    model = asked.model if asked.model in known_models(app.state.settings) else None
    await asyncio.to_thread(lambda: check_speed(asked, traits_of(model, app.state.settings)))
    row = await _made(request, Submitted("generate", {"prompt": asked.prompt}, {}, 1, model))
    suffix = f".{asked.response_format}"
    if asked.speed == 1 or row.bpm is None:
        path = await encoded(app, row, suffix)
    else:
        path = await played(app, row, suffix, bpm=row.bpm * asked.speed)
    return file_answer(request, path, name_of(row, suffix))


async def _made(request: Request, asked: Submitted) -> ClipRow:
    """The clip of a job, once it is there; RefusalError if it failed."""
    state = request.app.state
    job = (await asyncio.to_thread(state.supervisor.submit, asked)).id
    async for _ in state.events.stream(0, job=job):
        pass
    row = state.store.job(job)
    clips = state.store.clips_of(job)
    if clips:
        found: ClipRow = clips[0]
        return found
    if row is not None and row.state == "failed":
        raise RefusalError(422, row.error or "the job failed")
    raise RefusalError(409, "the job was cancelled, or the server is stopping")


def _jpeg(path: Path) -> bytes:
    with Image.open(path) as image:
        output = io.BytesIO()
        image.convert("RGB").save(output, "JPEG", quality=95)
    return output.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
