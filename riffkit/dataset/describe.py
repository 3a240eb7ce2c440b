"""What is known about a source file before reading its audio: captions, tags and folder names."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riffkit.dataset.find import SourceFile, walk
from riffkit.dataset.formats import json_lines
from riffkit.errors import ParameterError, RiffkitError
from riffkit.score.styles import STYLES

_TABLES = ("metadata.jsonl", "metadata.csv", "metadata.tsv")
_CAPTION_COLUMNS = ("text", "caption", "prompt", "description")
_CAPTION_ENDINGS = (".txt", ".caption")
_FILE_COLUMNS = ("file_name", "audio", "file", "path")
_NO_CAPTIONS = re.compile(
    r"readme|licen[cs]e|copying|copyright|credits|notes?|changelog|authors", re.I
)
_TRACK_NUMBER = re.compile(r"^\s*(?:\d{1,3}\s*[-_. ]\s*)+")
_TELLS_NOTHING = re.compile(
    r"^(?:\d+|cd ?\d*|disc ?\d*|disk ?\d*|train|test|valid(?:ation)?|data|dataset|audio|music|"
    r"songs?|tracks?|samples?|files?|wavs?|flacs?|mp3s?|oggs?|clips?|stems?|unknown.*|various.*)$",
    re.I,
)


@dataclass(frozen=True)
class SourceWords:
    """`captions` are the user's words, used unchanged; `styles` are genres and folder names."""

    captions: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    artist: str | None = None
    title: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Metadata:
    """All metadata files of a folder, by the name of the file that a line is about."""

    lines: dict[str, dict[str, Any]]
    missing: tuple[str, ...]
    """Files that have captions but don't exist."""


def read_folder_metadata(
    folder: Path, sources: list[SourceFile], *, without: Path | None = None
) -> Metadata:
    """Every metadata.jsonl, .csv and .tsv; ParameterError for one that can't be read.

    Files in `without`, the folder being built, are skipped.
    """
    lines: dict[str, dict[str, Any]] = {}
    names = {source.name for source in sources}
    for path in sorted(_named(folder, _TABLES, without)):
        base = path.parent.relative_to(folder)
        for number, line in enumerate(_read_lines(path), 1):
            column = next((c for c in _FILE_COLUMNS if isinstance(line.get(c), str)), None)
            if column is None:
                raise ParameterError(
                    f"{str(path)!r}, line {number}: no file_name; each line must name its audio "
                    "file"
                )
            name = _normal(base / line[column])
            if name not in names:  # written by Windows
                name = _normal(base / line[column].replace("\\", "/"))
            lines[name] = line
    missing = {name for name in lines if name not in names}
    missing |= set(_orphaned_texts(folder, names, without))
    return Metadata(lines, tuple(sorted(missing)))


def _named(folder: Path, wanted: tuple[str, ...], without: Path | None) -> Iterator[Path]:
    for root, names in walk(folder, without=without):
        yield from (root / name for name in names if name in wanted)


def _normal(path: Path) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix != ".jsonl":
            return _read_table(path, text)
        lines = [json.loads(line) for line in json_lines(text)]
    except (OSError, ValueError, csv.Error) as error:
        raise ParameterError(f"{str(path)!r} can't be read ({error}); fix or remove it") from error
    if not all(isinstance(line, dict) for line in lines):
        raise ParameterError(f"{str(path)!r}: each line must be a JSON object; fix or remove it")
    return lines


def _read_table(path: Path, text: str) -> list[dict[str, Any]]:
    """Rows of a table whose values are separated as its first line shows."""
    head = text.partition("\n")[0]
    separators = (one for one in ",;\t" if any(map(_names_files, head.split(one))))
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=next(separators, ","))
    lines: list[dict[str, Any]] = []
    for row in rows:
        if None in row:
            raise ParameterError(
                f"{str(path)!r}, line {rows.line_num}: has more values than the first line has "
                'names; put quotes (") around a caption with commas'
            )
        lines.append({name.strip(): value for name, value in row.items()})
    return lines


def _names_files(column: str) -> bool:
    return column.strip(' "\r') in _FILE_COLUMNS


def _orphaned_texts(folder: Path, names: set[str], without: Path | None) -> Iterator[str]:
    """Caption files whose audio is missing, in folders where others have theirs."""
    stems = {name.rpartition(".")[0] for name in names} | names
    for root, files in walk(folder, without=without):
        here = [
            _normal((root / file).relative_to(folder))
            for file in files
            if file.endswith(_CAPTION_ENDINGS) and not _NO_CAPTIONS.search(file)
        ]
        orphans = [name for name in here if name.rpartition(".")[0] not in stems]
        if len(orphans) < len(here):
            yield from orphans


def source_words(folder: Path, source: SourceFile, metadata: Metadata) -> SourceWords:
    """Everything written about one file or implied by its folder."""
    line = metadata.lines.get(source.name, {})
    tags = file_tags(source.path)
    captions = (*_sidecar(source.path), *_line_captions(line))
    genre = line.get("genre") or tags.get("genre", "")
    genres = _split_genres(";".join(map(str, genre)) if isinstance(genre, list) else str(genre))
    return SourceWords(
        captions=tuple(dict.fromkeys(captions)),
        styles=tuple(dict.fromkeys((*genres, *(() if genres else _folder_styles(source, folder))))),
        artist=_text(line.get("artist")) or tags.get("artist"),
        title=_text(line.get("title")) or tags.get("title"),
        licence=_text(line.get("licence")) or _text(line.get("license")) or tags.get("licence"),
    )


def _sidecar(path: Path) -> list[str]:
    """The lines of song.txt, song.mp3.txt or song.caption (kohya's) beside song.mp3."""
    endings = _CAPTION_ENDINGS
    besides = [path.with_suffix(end) for end in endings]
    for beside in (*besides, *(path.with_name(path.name + end) for end in endings)):
        try:
            text = beside.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return []


def _line_captions(line: dict[str, Any]) -> list[str]:
    several = line.get("captions")
    found = [_text(text) for text in several] if isinstance(several, list) else []
    found = [_text(line.get(column)) for column in _CAPTION_COLUMNS] + found
    return [text for text in found if text]


def _text(value: Any) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _split_genres(text: str) -> list[str]:
    """ "Rock; Metal/Thrash" → rock, metal, thrash."""
    parts = (part.strip().lower() for part in re.split(r"[;,/|\0]", text))
    return [part for part in parts if part and not _TELLS_NOTHING.match(part)]


def _folder_styles(source: SourceFile, folder: Path) -> list[str]:
    """The nearest folder that is called by a style, else just the nearest below the given."""
    parents = [_plain(name) for name in reversed(Path(source.name).parts[:-1])]
    known = _known_styles()
    for name in (*parents, _plain(folder.resolve().name)):
        if name in known:
            return [name]
    return [name for name in parents[:1] if name and not _TELLS_NOTHING.match(name)]


def _plain(name: str) -> str:
    return " ".join(_TRACK_NUMBER.sub("", name.replace("_", " ")).lower().split())


def _known_styles() -> set[str]:
    return {word for name, style in STYLES.items() for word in (name, *style.words)}


def file_tags(path: Path) -> dict[str, str]:
    """Artist, title, genre and licence from the file; by mutagen where it is installed."""
    try:
        import mutagen
    except ImportError:
        return _libsndfile_tags(path)
    try:
        found = mutagen.File(path, easy=True)
        tags = {} if found is None or found.tags is None else dict(found.tags)
    except Exception:  # a file's tags may be damaged in any way; the sound may be whole
        return _libsndfile_tags(path)
    names = {"license": "licence", "copyright": "licence"}
    chosen: dict[str, str] = {}
    for name in ("artist", "title", "genre", "license", "copyright"):
        values = tags.get(name)
        text = _text("; ".join(map(str, values)) if isinstance(values, list) else values)
        if text:
            chosen.setdefault(names.get(name, name), text)
    return chosen or _libsndfile_tags(path)


def _libsndfile_tags(path: Path) -> dict[str, str]:
    from riffkit.audio.reader import read_tags

    try:
        tags = read_tags(path)
    except (RiffkitError, OSError):  # reported when its audio is read
        return {}
    tags = {name: text for name, text in tags.items() if _text(text)}
    if "copyright" in tags:
        tags["licence"] = tags["copyright"]
    return {n: tags[n] for n in ("artist", "title", "genre", "licence") if n in tags}
