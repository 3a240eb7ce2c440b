"""Downloads one file from the hub into its cache, resuming an interrupted download.

huggingface_hub's own download starts over after an interruption. Here the partial large file is
kept in blobs/HASH.incomplete, and the next try requests the rest.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import hf_hub_download, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers

from riffkit.errors import ModelError
from riffkit.models.hub.cache import cache_folder, repo_folder
from riffkit.models.hub.hub_id import HubId
from riffkit.provenance.recipe import sha256

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """`blob` names its contents in the cache; `sha256` says so of large files, None of small."""

    name: str
    n_bytes: int
    blob: str
    sha256: str | None


def is_there(folder: Path, file: RemoteFile) -> bool:
    """Whether the snapshot has the file; one of the wrong size is removed first."""
    path = folder / file.name
    if not path.is_file():
        return False
    if path.stat().st_size == file.n_bytes:
        return True
    _remove(path)
    return False


def _remove(path: Path) -> None:
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def bytes_to_come(hub_id: HubId, file: RemoteFile) -> int:
    """Of a file that a snapshot lacks: none if another revision has it, else what isn't here."""
    blob = _blob(hub_id, file)
    unfinished = _unfinished(blob)
    if blob.exists():
        return 0
    return file.n_bytes - (unfinished.stat().st_size if unfinished.is_file() else 0)


def _blob(hub_id: HubId, file: RemoteFile) -> Path:
    return repo_folder(hub_id.repo) / "blobs" / file.blob


def _unfinished(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.incomplete")


def fetch(hub_id: HubId, commit: str, file: RemoteFile, on_bytes: Callable[[int], None]) -> None:
    """Download it into the snapshot of a commit; `on_bytes` is called with its size as it grows.

    A file of the wrong size is removed and raises ModelError; other errors are the client's.
    """
    if file.sha256 is not None and _SHA256.fullmatch(file.sha256):
        _fetch_contents(hub_id, commit, file, on_bytes)
    link = Path(hf_hub_download(hub_id.repo, file.name, revision=commit, cache_dir=cache_folder()))
    n_bytes = link.stat().st_size
    if n_bytes != file.n_bytes:
        _remove(link)
        raise _wrong_size(hub_id, file, n_bytes)


def _fetch_contents(
    hub_id: HubId, commit: str, file: RemoteFile, on_bytes: Callable[[int], None]
) -> None:
    """Put a large file's contents among the blobs, where `hf_hub_download` will find them."""
    blob = _blob(hub_id, file)
    unfinished = _unfinished(blob)
    blob.parent.mkdir(parents=True, exist_ok=True)
    lock = cache_folder() / ".locks" / repo_folder(hub_id.repo).name / f"{file.sha256}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):  # another process may be fetching it
        if blob.exists():
            return
        with _Watched(unfinished, on_bytes) as out:
            if out.tell() < file.n_bytes:
                http_get(
                    hf_hub_url(hub_id.repo, file.name, revision=commit),
                    out,
                    resume_size=out.tell(),
                    headers={**build_hf_headers(), "Accept-Encoding": "identity"},
                )
        if (n_bytes := unfinished.stat().st_size) != file.n_bytes:
            unfinished.unlink()
            raise _wrong_size(hub_id, file, n_bytes)
        if sha256(unfinished) != file.sha256:  # what an earlier break left behind is in it too
            unfinished.unlink()
            raise ModelError(
                f"model={str(hub_id)!r}: {file.name} was damaged in transfer and has been "
                "removed; try again"
            )
        os.replace(unfinished, blob)


def _wrong_size(hub_id: HubId, file: RemoteFile, n_bytes: int) -> ModelError:
    return ModelError(
        f"model={str(hub_id)!r}: {file.name} has {n_bytes} bytes instead of "
        f"{file.n_bytes} and has been removed; try again"
    )


class _Watched(io.BufferedWriter):
    """A file that is appended to, and says how long it is after each write."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._on_bytes = on_bytes

    def write(self, chunk: bytes) -> int:  # type: ignore[override]
        n_written = super().write(chunk)
        self._on_bytes(self.tell())
        return n_written
