"""The audio files that a dataset is built from, with the words and hashes of each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from riffkit.dataset.describe import SourceWords, read_folder_metadata, source_words
from riffkit.dataset.find import SourceFile, find_audio
from riffkit.provenance.recipe import sha256


@dataclass(frozen=True)
class Sources:
    """`words` and `hashes` are by the files' names; `missing` are described, but not there."""

    files: list[SourceFile]
    words: dict[str, SourceWords]
    hashes: dict[str, str]
    missing: tuple[str, ...]

    @property
    def digest(self) -> str:
        """It changes with every file, its name and its words."""
        return digest_of(
            [(name, self.hashes[name], asdict(self.words[name])) for name in sorted(self.hashes)]
        )


def read_sources(folder: Path, *, without: Path) -> Sources:
    """The audio files of a folder without those in `without`; ParameterError if there are none."""
    files = find_audio(folder, without=without)
    metadata = read_folder_metadata(folder, files, without=without)
    words = {file.name: source_words(folder, file, metadata) for file in files}
    return Sources(files, words, {file.name: _hash(file) for file in files}, metadata.missing)


def digest_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _hash(source: SourceFile) -> str:
    """The file's hash; a file that can't be opened is reported later, when it is measured."""
    try:
        return sha256(source.path)
    except OSError:
        return hashlib.sha256(f"unreadable {source.name}".encode()).hexdigest()
