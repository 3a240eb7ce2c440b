"""Captions from an external program: its standard output, one caption per line."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from riffkit.dataset.formats import write_json
from riffkit.errors import ParameterError

_MAX_SECONDS = 600


@dataclass(frozen=True)
class CaptionTask:
    """`clip` is the audio file's path, `kept` where its captions are written."""

    command: str
    clip: str
    kept: str
    name: str


def caption_by_command(task: CaptionTask) -> tuple[str, ...]:
    """The captions that `command CLIP` prints; answers of earlier runs are reused.

    ParameterError if it can't be run, fails, takes over ten minutes or prints nothing.
    """
    kept = Path(task.kept)
    if (held := _held(kept)) is not None:
        return held
    what = f"captioner={task.command!r}"
    try:
        done = subprocess.run(
            [*shlex.split(task.command), task.clip],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_MAX_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ParameterError(f"{what}: no answer within {_MAX_SECONDS} s") from error
    except (OSError, ValueError) as error:
        raise ParameterError(f"{what}: can't be run ({error})") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ParameterError(f"{what}: exit code {done.returncode}: {reason}")
    captions = tuple(text for line in done.stdout.splitlines() if (text := " ".join(line.split())))
    if not captions:
        raise ParameterError(f"{what}: printed no caption; it must print one")
    write_json(kept, {"command": task.command, "captions": list(captions)})
    return captions


def _held(path: Path) -> tuple[str, ...] | None:
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8"))["captions"])
    except (OSError, ValueError, KeyError):
        return None
