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
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from riffkit.atomic import check_output_folder, output_error
from riffkit.errors import OutputError, RiffkitError
from riffkit.music.outputs import Target, stored_recipe
from riffkit.music.task import slug
from riffkit.server.store import ClipRow, Store, UploadRow

_log = logging.getLogger(__name__)
_ID_AT_END = re.compile(r"-([a-z0-9]{12})$")
_TEMPORARY = ".riffkit-*"


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

    def remove_clip(self, row: ClipRow) -> None:
        """Remove a clip's files and what was made from them."""
        target = self.target(row.stem)
        target.audio.unlink(missing_ok=True)
        target.image.unlink(missing_ok=True)
        shutil.rmtree(target.stems, ignore_errors=True)
        for path in self._derived.glob(f"{row.id}-*"):
            path.unlink(missing_ok=True)

    def remove_unfinished(self, *more: Path) -> None:
        """Remove clips' half-written files, whose writer is gone, and those of other folders."""
        for folder in (self.clips, *self.clips.glob("*-stems"), *more):
            for path in folder.glob(_TEMPORARY):
                path.unlink(missing_ok=True)

    def recover(self, store: Store) -> None:
        """Bring the store and the files together after a server was killed.

        Half-written files go; clips that the store doesn't know are added, those without files and
        uploads without theirs are dropped.
        """
        self.remove_unfinished(self.uploads, self._derived)
        for clip in store.all_clips():
            if not all(self.clip_file(clip, suffix).is_file() for suffix in (".wav", ".png")):
                store.remove_clip(clip.id)
        for upload in store.uploads():
            if not self.upload_file(upload).is_file():
                store.remove_upload(upload.id)
        known = {clip.stem for clip in store.all_clips()}
        for audio in sorted(self.clips.glob("*.wav"), key=lambda path: path.stat().st_mtime):
            if audio.stem not in known and (row := self._adopted(audio)) is not None:
                store.add_clip(row)

    def _adopted(self, audio: Path) -> ClipRow | None:
        """A clip of the folder that the store doesn't know; None if its files aren't whole."""
        from riffkit.server.facts import clip_row

        recipe = stored_recipe(audio)
        if not recipe or not audio.with_suffix(".png").is_file():
            return None
        try:
            return clip_row(self.target(audio.stem), id=id_of(audio.stem))
        except (RiffkitError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s isn't taken into the library: %s", audio.name, error)
            return None


def id_of(stem: str) -> str:
    """The id at the end of a file's name, or one made from the name."""
    found = _ID_AT_END.search(stem)
    return found[1] if found else hashed_id(stem)


def hashed_id(*parts: Any) -> str:
    """Twelve letters and digits that follow from the parts."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
