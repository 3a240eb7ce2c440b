"""Writing files atomically: whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from riffkit.errors import OutputError

TEMPORARY = ".riffkit-"
"""How the names of files begin that are being written."""
_owner = ""
_ADVICE = {
    errno.ENOENT: "its folder doesn't exist; create it first",
    errno.ENOTDIR: "its folder is a file; choose another place",
    errno.EISDIR: "it is a folder; give a file name",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; make room or choose another disk",
    errno.EDQUOT: "your disk quota is used up; make room or choose another disk",
    errno.EFBIG: "the file is too large for this disk; write a shorter clip or choose another disk",
    errno.ENAMETOOLONG: "the name is too long; shorten it",
}


def check_output_path(path: str | Path) -> None:
    """Raise OutputError if a file can't be written at `path`; an empty one is tried beside it.

    Call it before minutes of work, not only when the result is ready.
    """
    _usual_mode_at(Path(path))


def _usual_mode_at(path: Path) -> int:
    """The permissions that a new file gets there; OutputError if none can be made."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        path.parent.stat()
        if not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a directory")
        try:
            return _usual_mode(_beside(path))
        except FileNotFoundError as error:  # the folder exists, and takes no files: /proc
            raise PermissionError(errno.EPERM, "not permitted") from error
    except OSError as error:
        raise output_error(path, error) from error


def check_output_folder(folder: Path) -> None:
    """Raise OutputError if files can't be written into a folder, or it can't be made."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError(f"cannot write {str(folder)!r}: {str(there)!r} is a file; choose another")
    check_output_path(there / "file")


def output_error(path: str | Path, error: OSError) -> OutputError:
    """The one-line OutputError for an operating system's refusal to write `path`."""
    advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
    return OutputError(f"cannot write {str(path)!r}: {advice}")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to, in `path`'s folder and with its extension.

    It is renamed to `path` when the block succeeds and removed in any other case
    (KeyboardInterrupt too), so a reader never sees half a file and an older file of that name
    survives a failure. An OSError raised inside becomes an OutputError.
    """
    path = Path(path)
    mode = _usual_mode_at(path)
    temporary = _beside(path)
    try:
        yield temporary
        temporary.chmod(mode)  # some writers create files that only their owner can read
        os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def sign_temporaries(owner: str) -> None:
    """Tell this process's temporary files from those of others: they begin .riffkit-OWNER-."""
    global _owner
    _owner = f"{owner}-"


def _beside(path: Path) -> Path:
    """A new name in the same folder, with the same extension."""
    return path.with_name(f"{TEMPORARY}{_owner}{secrets.token_hex(8)}{path.suffix}")


def _usual_mode(path: Path) -> int:
    """The permissions that a new file gets there; raises OSError if none can be made."""
    try:
        path.touch()
        return path.stat().st_mode & 0o777
    finally:
        path.unlink(missing_ok=True)
