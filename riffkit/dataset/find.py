"""Finds the audio files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from riffkit.errors import ParameterError

EXTENSIONS = frozenset(
    (
        ".wav",
        ".wave",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".aif",
        ".aiff",
        ".aifc",
        ".caf",
        ".au",
        ".m4a",
        ".aac",
        ".wma",
        ".ape",
        ".wv",
        ".mp2",
        ".mp4",
    )
)
"""Everything people call audio: files that can't be read are reported as such."""


@dataclass(frozen=True)
class SourceFile:
    """`name` is the path in the folder, with forward slashes; `index` the position in the list."""

    path: Path
    name: str
    index: int

    def stamp(self) -> list[int]:
        """What changes with the file."""
        state = self.path.stat()
        return [state.st_size, state.st_mtime_ns]


def find_audio(folder: Path, *, without: Path) -> list[SourceFile]:
    """The audio files in `folder` and its subfolders by name, without hidden ones and `without`.

    ParameterError if there are none.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "doesn't exist"
        raise ParameterError(f"folder={str(folder)!r}: {what}; choose a folder of audio files")
    found: list[Path] = []
    n_others = 0
    for here, names in walk(folder, without=without):
        for name in names:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in EXTENSIONS:
                found.append(here / name)
            else:
                n_others += 1
    if not found:
        held = f"{n_others} other files" if n_others else "it is empty"
        raise ParameterError(
            f"folder={str(folder)!r}: contains no audio files ({held}); "
            "choose one with WAV, FLAC, OGG or MP3 files"
        )
    named = {path: _readable(path.relative_to(folder).as_posix()) for path in found}
    ordered = sorted(found, key=named.__getitem__)
    return [SourceFile(path, named[path], index) for index, path in enumerate(ordered, 1)]


def walk(folder: Path, *, without: Path | None) -> Iterator[tuple[Path, list[str]]]:
    """Each folder in `folder` with its file names, without hidden ones and `without`."""
    left_out = None if without is None else without.resolve()
    for root, folders, names in os.walk(folder, followlinks=True):
        here = Path(root)
        folders[:] = sorted(
            n for n in folders if not n.startswith(".") and (here / n).resolve() != left_out
        )
        yield here, names


def _readable(name: str) -> str:
    """The name with the bytes that aren't UTF-8 written out, as "caf\\xe9.mp3"."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
