"""Uploads that nothing needs: they go at the start, once they are old."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from riffkit.music.outputs import stored_recipe
from riffkit.server.folder import Folder
from riffkit.server.store import JobRow, Store

KEPT_DAYS = 7
_REFERENCE = re.compile(r'"upload:([a-z0-9]{12})"')
_OWN_NAME = re.compile(r"-([a-z0-9]{12})$")


def remove_leftovers(store: Store, folder: Folder, *, kept_days: float = KEPT_DAYS) -> None:
    """Remove uploads older than `kept_days` that no clip was made from and no waiting job names,
    and such files without a row.
    """
    oldest = time.time() - kept_days * 86_400
    old = [
        (path, name[1])
        for path in folder.uploads.iterdir()
        if (name := _OWN_NAME.search(path.stem)) is not None
        and path.is_file()
        and path.stat().st_mtime < oldest
    ]
    if not old:
        return
    ids, names = _named_by_jobs(store), set(_named_by_clips(store, folder))
    for path, upload in old:
        if upload not in ids and path.name not in names:
            path.unlink(missing_ok=True)
            store.remove_upload(upload)


def is_waited_for(store: Store, upload: str) -> bool:
    """Whether a job that isn't over names an upload."""
    return any(upload in _named_by(job) for job in _not_over(store))


def _named_by_jobs(store: Store) -> set[str]:
    return {upload for job in _not_over(store) for upload in _named_by(job)}


def _not_over(store: Store) -> Iterator[JobRow]:
    for state in ("queued", "running"):
        yield from store.jobs(state=state, limit=-1)


def _named_by(job: JobRow) -> set[str]:
    return set(_REFERENCE.findall(json.dumps([job.request, job.inputs])))


def _named_by_clips(store: Store, folder: Folder) -> Iterator[str]:
    """The names of the files that the library's clips were made from."""
    for clip in store.all_clips():
        recipe = stored_recipe(folder.clip_file(clip, ".wav")) or {}
        yield from _names(recipe.get("inputs"))
        if clip.job is not None and (job := store.job(clip.job)) is not None:
            rows = map(store.upload, _named_by(job))
            yield from (folder.upload_file(row).name for row in rows if row is not None)


def _names(inputs: Any) -> Iterator[str]:
    for identity in inputs.values() if isinstance(inputs, dict) else ():
        if isinstance(identity, dict) and isinstance(identity.get("name"), str):
            yield Path(identity["name"]).name
