"""The clips of the library: found by id, searched, and made again from their recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from riffkit.audio.reader import read_tags
from riffkit.errors import ParameterError
from riffkit.music.registry import task
from riffkit.prompt.key import MusicalKey, named_key, parse_key
from riffkit.provenance.recipe import TAG, Recipe, sha256
from riffkit.server.answers import checked_id, missing
from riffkit.server.folder import Folder
from riffkit.server.schema import Submitted
from riffkit.server.store import ClipRow, Store, UploadRow

_MOST_HASHES = 100_000
_OF_ONE_CLIP = ("index", "stem", "painting")
"""What a recipe says of one of a call's clips, and no request has."""


def wanted_clip(request: Request, clip: str) -> ClipRow:
    """The clip of that id; RefusalError (404) if there is none."""
    row: ClipRow | None = request.app.state.store.clip(checked_id(clip, "clip"))
    if row is None:
        raise missing("clip")
    return row


def wanted_upload(request: Request, upload: str) -> UploadRow:
    """The upload of that id; RefusalError (404) if there is none."""
    row: UploadRow | None = request.app.state.store.upload(checked_id(upload, "upload"))
    if row is None:
        raise missing("upload")
    return row


def recipe_text(app: FastAPI, row: ClipRow) -> str:
    """A clip's recipe as JSON; RefusalError (404) if its file has none."""
    text = read_tags(app.state.folder.clip_file(row, ".wav")).get(TAG)
    if not text:
        raise missing("recipe")
    return text


def searched_key(text: str) -> str:
    """A key as the store has it: "Ab minor" is "G# minor", "Am" is "A minor", "C" is "C major".

    Raises:
        ParameterError: it isn't a key.
    """
    named = named_key(text.strip())
    if named is not None and not named.mode:
        return MusicalKey(named.tonic, "major").name
    return (named or parse_key(text)).name


def again(
    store: Store, folder: Folder, row: ClipRow, recipe: Recipe, seed: int | None
) -> Submitted:
    """A job that makes a clip anew: as its recipe says, from another seed.

    Raises:
        ParameterError: nothing was painted in it, or what it was made from is gone.
    """
    if not recipe.model or recipe.command == "import":
        raise ParameterError(
            f"clip={row.title!r}: was brought and not made here, so it can't be made again"
        )
    of = task(recipe.command)
    names = {field.name for field in fields(of.request)}
    request = {k: v for k, v in recipe.arguments.items() if k not in (*_OF_ONE_CLIP, "seed")}
    inputs = {
        name: identity.get("seed") or _reference(store, folder, identity)
        for name, identity in recipe.inputs.items()
    }
    request = {k: v for k, v in request.items() if k in names and k not in inputs}
    model = recipe.model.get("name") or None
    if seed is not None:
        request["seed"] = seed
    return Submitted(recipe.command, request, inputs, 1, model)


def _reference(store: Store, folder: Folder, identity: Mapping[str, Any]) -> str:
    """The clip or upload that a recipe names, by its hash; ParameterError if it is gone."""
    name, wanted = str(identity.get("name", "")), identity.get("sha256")
    files = list(_files(store, folder))
    for reference, path in sorted(files, key=lambda file: file[1].name != name):
        if path.suffix == Path(name).suffix and _hash(path) == wanted:
            return reference
    raise ParameterError(
        f"input={name!r}: what this clip was made from is gone; upload it again, and start from it"
    )


def _hash(path: Path) -> str | None:
    """A file's hash, remembered while it is the same; None if it is gone."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return _hash_of(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(_MOST_HASHES)
def _hash_of(path: Path, size: int, modified_ns: int) -> str:
    return sha256(path)


def _files(store: Store, folder: Folder) -> Iterator[tuple[str, Path]]:
    for clip in store.all_clips():
        for suffix in (".wav", ".png"):
            yield f"clip:{clip.id}", folder.clip_file(clip, suffix)
    for upload in store.uploads():
        yield f"upload:{upload.id}", folder.upload_file(upload)
