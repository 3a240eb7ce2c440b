"""Folders of files that an exporter writes, and ZIPs of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from riffkit.atomic import atomic_path, check_output_folder, output_error

ZIP_COMMENT = b"riffkit"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of ZIP: the same files give the same bytes
_STORED = {".flac", ".mp3", ".mp4", ".ogg", ".png", ".webm", ".zip"}


def make_folder(folder: Path) -> None:
    """Make a folder with all above it; OutputError if that can't be done."""
    check_output_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def zip_folder(folder: Path, output: Path) -> None:
    """Write a ZIP of all files in a folder, by their names within it; what is compressed already is
    stored.
    """
    with atomic_path(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.comment = ZIP_COMMENT
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                is_stored = path.suffix.lower() in _STORED
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                info.compress_type = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
                with path.open("rb") as source, archive.open(info, "w") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
