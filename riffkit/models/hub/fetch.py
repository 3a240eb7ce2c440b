"""Models from the hub: taken from the local cache, or downloaded into it.

huggingface_hub talks to the hub and keeps the cache; only large files come in another way
(hub_download.py).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    logging,
)

from riffkit.atomic import atomic_path, output_error
from riffkit.errors import ModelError, OutputError
from riffkit.models.hub.cache import cache_folder, cached, model_path, repo_folder, size_in_words
from riffkit.models.hub.download import RemoteFile, bytes_to_come, fetch, is_there
from riffkit.models.hub.failures import offline, refusal
from riffkit.models.hub.hub_id import HubId, parse_hub_id
from riffkit.models.hub.listing import INDEX, TRAITS, model_files
from riffkit.models.weights.architecture import check_class, check_configs
from riffkit.models.weights.weight_names import NETWORKS

_log = getLogger(__name__)

OnProgress = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the total."""


@dataclass(frozen=True)
class Pulled:
    """A cached model: its folder or file, commit, size in bytes, and bytes downloaded now."""

    path: Path
    commit: str
    n_bytes: int
    downloaded_bytes: int


def from_hub(model: str) -> Path:
    """The folder or single file of a hub id, from the cache if it is complete."""
    hub_id = parse_hub_id(model)
    return cached(hub_id) or pull(hub_id).path


def pull(hub_id: HubId, on_progress: OnProgress = lambda done, total: None) -> Pulled:
    """Download the missing files of a revision's newest commit into the cache.

    ModelError for a problem with the id, the repository, the connection or a file; OutputError if
    the disk is full or can't be written.
    """
    if constants.HF_HUB_OFFLINE:
        raise offline(hub_id)
    with _silent_client():
        commit, remote = _remote_files(hub_id)
        files = [remote[name] for name in model_files(remote, hub_id)]
        folder = repo_folder(hub_id.repo) / "snapshots" / commit
        missing = [file for file in files if not is_there(folder, file)]
        to_come = sum(bytes_to_come(hub_id, file) for file in missing)
        _log.debug("%s: revision %s, %d bytes to come", hub_id, commit, to_come)
        _check_space(hub_id, to_come)
        total = sum(file.n_bytes for file in files)
        with _one_line_errors(hub_id):
            _fetch_all(hub_id, folder, missing, lambda left: on_progress(total - left, total))
            _write_ref(hub_id, commit)
    path = model_path(folder, [file.name for file in files])
    return Pulled(path, commit, total, to_come)


def _fetch_all(
    hub_id: HubId, folder: Path, files: Sequence[RemoteFile], on_left: Callable[[int], None]
) -> None:
    """Download the files in order; `on_left` is called with the number of bytes left."""
    left = sum(file.n_bytes for file in files)
    first_weights = next((file.name for file in files if _is_weights(file.name)), None)
    on_left(left)
    for file in files:
        if file.name == first_weights:
            _check_kind(hub_id, folder)
        fetch(hub_id, folder.name, file, partial(_tell_left, on_left, left))
        left -= file.n_bytes
        on_left(left)


@contextmanager
def _silent_client() -> Iterator[None]:
    """No bars and warnings of huggingface_hub's: one bar and one line are the caller's."""
    had_bars, verbosity = not are_progress_bars_disabled(), logging.get_verbosity()
    if had_bars:
        disable_progress_bars()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


@contextmanager
def _one_line_errors(hub_id: HubId) -> Iterator[None]:
    try:
        yield
    except (ModelError, OutputError):
        raise
    except Exception as error:  # the hub's client and its transport raise dozens of kinds
        raise refusal(hub_id, error) from error


def _remote_files(hub_id: HubId) -> tuple[str, dict[str, RemoteFile]]:
    """The commit of a revision, and its files by name."""
    with _one_line_errors(hub_id):
        info = HfApi().model_info(
            hub_id.repo,
            revision=hub_id.revision,
            files_metadata=True,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
        )
    files = [
        RemoteFile(file.rfilename, int(file.size or 0), file.blob_id or "none", None)
        if file.lfs is None
        else RemoteFile(file.rfilename, file.lfs.size, file.lfs.sha256, file.lfs.sha256)
        for file in info.siblings or ()
    ]
    return str(info.sha), {file.name: file for file in files}


def _tell_left(on_left: Callable[[int], None], left: int, n_bytes: int) -> None:
    on_left(left - n_bytes)


def _is_weights(name: str) -> bool:
    return not name.endswith((".json", ".txt"))


def _check_kind(hub_id: HubId, folder: Path) -> None:
    """Raise ModelError if the small files show that the model can't be used."""
    if not (folder / INDEX).is_file():
        return
    named = f"model={str(hub_id)!r}"
    try:
        index, *configs = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in (INDEX, *(f"{part}/config.json" for part in NETWORKS))
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{named}: its configuration is missing or damaged; choose another model"
        ) from error
    check_class(str(index.get("_class_name", "")), named=named)
    check_configs(*configs, named=named, guided=_is_guided(folder))


def _is_guided(folder: Path) -> bool:
    try:
        traits = json.loads((folder / TRAITS).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # most models have none
        return False
    return isinstance(traits, dict) and traits.get("guided") is True


def _check_space(hub_id: HubId, needed: int) -> None:
    cache = cache_folder()
    disk = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(disk).free
    if needed > free:
        raise OutputError(
            f"model={str(hub_id)!r}: needs {size_in_words(needed)}, but {str(cache)!r} has only "
            f"{size_in_words(free)} left; free some space or set HF_HOME to another disk"
        )


def _write_ref(hub_id: HubId, commit: str) -> None:
    """Last of all, so that the branch's older commit is found until the newer is whole."""
    if hub_id.revision == commit:
        return
    ref = repo_folder(hub_id.repo) / "refs" / hub_id.revision
    try:
        ref.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(ref) as temporary:
            temporary.write_text(commit, encoding="utf-8")
    except OSError as error:
        raise output_error(ref, error) from error
