"""Rows of the store as the API's JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from riffkit.server.store import ClipRow, JobRow, Store, UploadRow


def clip_json(row: ClipRow) -> dict[str, Any]:
    """A clip."""
    values = asdict(row)
    del values["stem"]
    size = {"width": values.pop("width"), "height": values.pop("height")}
    stems = [{"n": n, "name": name} for n, name in enumerate(values.pop("stems"), 1)]
    return {**values, "image": size, "stems": stems}


def job_json(row: JobRow, store: Store) -> dict[str, Any]:
    """A job with its clips."""
    values = asdict(row)
    for own in ("attempts", "deaths", "made", "cancelling"):
        del values[own]
    clips = [clip_json(clip) for clip in store.clips_of(row.id)]
    return {**values, "position": store.position(row.id), "clips": clips}


def upload_json(row: UploadRow) -> dict[str, Any]:
    """An upload."""
    values = asdict(row)
    del values["suffix"], values["size"]
    return values
