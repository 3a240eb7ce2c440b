"""The data folder: where clips, uploads and derived files are, and what a killed server left.

DATA/riffkit.db             the store
DATA/clips/STEM.wav|.png    clips, as the command line writes them; STEM-stems/ beside them
DATA/clips/uploads/         what clients sent, where `riff replay` finds a clip's inputs
DATA/derived/               files that are made again when they are gone
"""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from riffkit.atomic import TEMPORARY, check_output_folder, output_error
from riffkit.errors import OutputError, RiffkitError
from riffkit.music.outputs import Target, stored_recipe
from riffkit.music.task import slug
from riffkit.server.store import ClipRow, JobRow, RemovedRow, Store, UploadRow

OWNER = "studio"
"""Who signs the half-written files of the worker (atomic.py)."""
_log = logging.getLogger(__name__)
_ID_AT_END = re.compile(r"-([0-9a-f]{12})$")


class Folder:
    """A data folder that one server uses at a time."""

    def __init__(self, data: Path) -> None:
        self.data = data.expanduser().absolute()
        self.clips = self.data / "clips"
        self.uploads = self.clips / "uploads"
        self._derived = self.data / "derived"
        self._lock = FileLock(self.data / ".lock", blocking=False)

    @property
    def database(self) -> Path:
        return self.data / "riffkit.db"

    def open(self) -> None:
        """Make the folder and lock it; OutputError if it can't be written, or another has it."""
        check_output_folder(self.data)
        try:
            for folder in (self.uploads, self._derived):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise OutputError(
                f"data={str(self.data)!r}: another server uses this folder; stop it, or choose "
                "another folder"
            ) from error
        except OSError as error:
            raise output_error(self.data, error) from error

    def close(self) -> None:
        self._lock.release()

    def check_room(self, least_bytes: int) -> None:
        """Raise OutputError where the disk has less room than that."""
        if shutil.disk_usage(self.data).free < least_bytes:
            full = OSError(errno.ENOSPC, "full")
            raise OutputError("the disk is full; make room, or choose another folder") from full

    def clip_file(self, row: ClipRow, suffix: str) -> Path:
        """A clip's .wav or .png."""
        return self.clips / f"{row.stem}{suffix}"

    def target(self, stem: str) -> Target:
        """The files of a clip of that stem."""
        return Target(self.clips / f"{stem}.wav", self.clips / f"{stem}.png")

    def stem_files(self, row: ClipRow) -> list[Path]:
        """The sounds of a clip's players, in order."""
        return sorted(self.target(row.stem).stems.glob("[0-9]*.wav"))

    def upload_file(self, row: UploadRow) -> Path:
        return self.uploads / f"{slug(Path(row.name).stem)}-{row.id}{row.suffix}"

    def derived(self, row: ClipRow, key: str, suffix: str) -> Path:
        """A place for what is made from a clip; `key` says how, in letters and digits."""
        return self._derived / f"{row.id}-{key}{suffix}"

    def remove_clip(self, row: ClipRow | RemovedRow) -> bool:
        """Remove a clip's files and what was made from them; False if some are in use."""
        target = self.target(row.stem)
        shutil.rmtree(target.stems, ignore_errors=True)
        for path in (target.audio, target.image, *self._derived.glob(f"{row.id}-*")):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        left = (target.audio, target.image, target.stems)
        return not any(path.exists() for path in left)

    def remove_deleted(self, store: Store) -> None:
        """Remove the files of clips that the store has deleted; of some, later."""
        for row in store.removed():
            if self.remove_clip(row):
                store.forget_removed(row.id)

    def remove_unfinished(self) -> None:
        """Remove the worker's half-written files, once it is gone; others may write clips too."""
        for folder in (self.clips, *self.clips.glob("*-stems")):
            for path in folder.glob(f"{TEMPORARY}{OWNER}-*"):
                path.unlink(missing_ok=True)

    def recover(self, store: Store) -> None:
        """Bring the store and the files together after a server was killed.

        Half-written files and those of deleted clips go; clips that the store doesn't know are
        added, those without files and uploads without theirs are dropped. A clip of a job that goes
        on is the job's.
        """
        self.remove_unfinished()
        for folder in (self.uploads, self._derived):
            for path in folder.glob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)
        self.remove_deleted(store)
        for clip in store.all_clips():
            if not all(self.clip_file(clip, suffix).is_file() for suffix in (".wav", ".png")):
                store.forget_clip(clip.id)
        for upload in store.uploads():
            if not self.upload_file(upload).is_file():
                store.remove_upload(upload.id)
        self._adopt(store)

    def _adopt(self, store: Store) -> None:
        """Add the clips of the folder that the store doesn't know."""
        from riffkit.server.as_json import clip_json

        known = {clip.stem for clip in store.all_clips()} | {row.stem for row in store.removed()}
        ours = {
            stem: (clip, job, index)
            for job in store.unfinished_jobs()
            for index, (clip, stem) in enumerate(zip(clip_ids(job), clip_stems(job), strict=True))
        }
        taken = {clip.id for clip in store.all_clips()} | {clip for clip, _, _ in ours.values()}
        for audio in sorted(self.clips.glob("*.wav"), key=lambda path: path.stat().st_mtime):
            stem = audio.stem
            if stem in known:
                continue
            own = ours.get(stem)
            name = own[0] if own else id_of(stem) if id_of(stem) not in taken else hashed_id(stem)
            row = self._adopted(audio, name)
            if row is None:
                continue
            taken.add(name)
            if own is None:
                store.add_clip(row)
            else:
                _, job, index = own
                row = replace(row, job=job.id, index=index, title=job.title)
                store.finish_clip(row, clip_json(row))

    def _adopted(self, audio: Path, name: str) -> ClipRow | None:
        """A clip of the folder as a row of that id; None if its files aren't whole."""
        from riffkit.server.facts import clip_row

        recipe = stored_recipe(audio)
        if not recipe or not audio.with_suffix(".png").is_file():
            return None
        try:
            return clip_row(self.target(audio.stem), id=name)
        except (RiffkitError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s isn't taken into the library: %s", audio.name, error)
            return None


def clip_ids(job: JobRow) -> list[str]:
    """The ids of a job's clips, which a job that begins again has too."""
    return [hashed_id(job.id, index) for index in range(job.count)]


def clip_stems(job: JobRow) -> list[str]:
    """The names of a job's clips' files, without ending."""
    return [f"{slug(job.title)}-{clip}" for clip in clip_ids(job)]


def id_of(stem: str) -> str:
    """The id at the end of a file's name, or one made from the name."""
    found = _ID_AT_END.search(stem)
    return found[1] if found else hashed_id(stem)


def hashed_id(*parts: Any) -> str:
    """Twelve letters and digits that follow from the parts."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
