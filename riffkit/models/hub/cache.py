"""The hub's cache on this machine, in huggingface_hub's own place and layout.

CACHE/models--OWNER--NAME/ holds blobs/ (the contents, named by their hash), snapshots/COMMIT/
(links to them) and refs/BRANCH (the commit of a branch or tag).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from riffkit.atomic import output_error
from riffkit.errors import ModelError
from riffkit.models.hub.hub_id import SINGLE_FILES, HubId
from riffkit.models.hub.listing import INDEX, model_files
from riffkit.models.lora_file import FILE as LORA


@dataclass(frozen=True)
class CachedModel:
    """A usable cached model: its id, its folder or file, its commit, and its size in bytes."""

    hub_id: HubId
    path: Path
    commit: str
    n_bytes: int


def cache_folder() -> Path:
    """Where huggingface_hub keeps its files: HF_HUB_CACHE, else HF_HOME/hub."""
    return Path(constants.HF_HUB_CACHE)


def repo_folder(repo: str) -> Path:
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def snapshot(hub_id: HubId) -> Path | None:
    """The folder of a revision, complete or not; None if not cached."""
    repo = repo_folder(hub_id.repo)
    ref = repo / "refs" / hub_id.revision
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else hub_id.revision
    folder = repo / "snapshots" / commit
    return folder if folder.is_dir() else None


def cached(hub_id: HubId) -> Path | None:
    """The model's folder or file, if it is completely cached."""
    folder = snapshot(hub_id)
    if folder is None:
        return None
    try:
        files = model_files(file_names(folder), hub_id)
    except ModelError:
        return None
    return model_path(folder, files)


def model_path(folder: Path, files: list[str]) -> Path:
    """The path for a loader: the folder, or the single file in it."""
    return folder if INDEX in files else folder / files[-1]


def file_names(folder: Path) -> set[str]:
    """The files in a folder, with "/" between folders; links to nothing don't count."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def cached_models() -> list[CachedModel]:
    """All in the cache that are Stable Diffusion models by their index, or single files.

    A single file counts where no `config.json` beside it says that it is another kind of model.
    """
    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return []
    found = [
        model
        for repo in repos
        if repo.repo_type == "model"
        for revision in repo.revisions
        for model in _models_in(
            repo.repo_id,
            revision.snapshot_path,
            _revision_name(revision.commit_hash, revision.refs),
        )
    ]
    return sorted(found, key=lambda model: str(model.hub_id))


def _revision_name(commit: str, refs: frozenset[str]) -> str:
    return "main" if "main" in refs else min(refs, default=commit)


def _models_in(repo: str, folder: Path, revision: str) -> Iterator[CachedModel]:
    names = file_names(folder)
    if INDEX in names:
        ids = [HubId(repo, revision)] if _is_stable_diffusion(folder / INDEX) else []
    else:
        top = [n for n in names if "/" not in n and n.endswith(SINGLE_FILES) and n != LORA]
        files = [] if "config.json" in names else top
        ids = [HubId(repo, revision, file=None if len(files) == 1 else n) for n in files]
    for hub_id in ids:
        path = cached(hub_id)
        if path is not None:
            sizes = (folder / name for name in model_files(names, hub_id))
            n_bytes = sum(p.stat().st_size for p in sizes)
            yield CachedModel(hub_id, path, folder.name, n_bytes)


def _is_stable_diffusion(index: Path) -> bool:
    try:
        name = json.loads(index.read_text(encoding="utf-8")).get("_class_name", "")
    except (OSError, ValueError, AttributeError):
        return False
    return bool(re.fullmatch(r"StableDiffusion(?!3|XL).*", str(name)))


def size_in_words(n_bytes: int) -> str:
    """With its unit: "4.1 MB", "2.13 GB"."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def stored_bytes(repo: str) -> int:
    """The size of a repository in the cache in bytes, including unfinished downloads."""
    folder = repo_folder(repo)
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir())


def check_stored(hub_id: HubId) -> None:
    """Raise ModelError unless the repository, or the named revision, is cached."""
    if hub_id.variant or hub_id.file:
        raise ModelError(
            f"model={str(hub_id)!r}: only whole repositories or revisions can be removed; use "
            f"{hub_id.repo} or {hub_id.repo}@REVISION"
        )
    if not repo_folder(hub_id.repo).is_dir():
        raise ModelError(f"model={str(hub_id)!r}: not in the local cache; see `riff models list`")
    if _names_revision(hub_id) and snapshot(hub_id) is None:
        raise ModelError(
            f"model={str(hub_id)!r}: no such revision of {hub_id.repo} in the local cache; "
            "see `riff models list`"
        )


def _names_revision(hub_id: HubId) -> bool:
    return hub_id.revision != HubId(hub_id.repo).revision


def remove(hub_id: HubId) -> int:
    """Delete a repository, or only the named revision, and return the number of bytes freed.

    Files shared with other revisions are kept. ModelError if it isn't cached, OutputError if it
    can't be deleted.
    """
    check_stored(hub_id)
    before = stored_bytes(hub_id.repo)
    repo = repo_folder(hub_id.repo)
    folder = snapshot(hub_id) if _names_revision(hub_id) else None
    commits = [folder] if folder else list(repo.glob("snapshots/*"))
    scan = scan_cache_dir(constants.HF_HUB_CACHE)
    # of this repository alone: a renamed one or a mirror has the same commits
    same = (r for r in scan.repos if r.repo_type == "model" and r.repo_id == hub_id.repo)
    scan = replace(scan, repos=frozenset(same))
    scan.delete_revisions(*(commit.name for commit in commits)).execute()
    try:
        if folder is None and repo.exists():  # what never became a revision
            shutil.rmtree(repo)
    except OSError as error:
        raise output_error(repo, error) from error
    return before - stored_bytes(hub_id.repo)
