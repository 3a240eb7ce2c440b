"""The folder that a dataset is built in: whether it may be, and how it is finished."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from riffkit.atomic import atomic_path, output_error
from riffkit.dataset.assemble import Assembled
from riffkit.dataset.formats import (
    INFO_NAME,
    LEDGER_NAME,
    METADATA_NAME,
    SHARDS_NAME,
    SPLITS,
    WORK_NAME,
    DatasetInfo,
    check_folder,
    read_dataset_info,
    write_json,
    write_json_lines,
)
from riffkit.dataset.resolve import Resolved, differing
from riffkit.dataset.shards import write_shards
from riffkit.dataset.sources import digest_of
from riffkit.errors import OutputError, ParameterError
from riffkit.provenance.recipe import versions

_WORK_INFO, _FINAL_INFO = "build.json", "final.json"


def held_options(out: Path) -> dict[str, Any] | None:
    """What a build in `out` was asked for, finished (with "files") or not; None if there is none.

    ParameterError for damaged files.
    """
    if (out / INFO_NAME).exists():
        return read_dataset_info(out).options
    path = out / WORK_NAME / _WORK_INFO
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ParameterError(
            f"out={str(out)!r}: its interrupted build is damaged; choose another folder or "
            "remove it"
        ) from error


class Place:
    """The folder OUT: whether it may be built in, and how it is finished."""

    def __init__(self, out: Path, resolved: Resolved, files: str) -> None:
        self.out, self.resolved, self.files = out, resolved, files
        self.work = out / WORK_NAME
        self.is_new = not out.exists()
        self.is_finished = (out / INFO_NAME).exists()
        self._check()

    def folder_of(self, digest: str) -> Path:
        return self.work / digest[:24]

    def _check(self) -> None:
        """Raise ParameterError if OUT contains anything but this build."""
        advice = "choose another folder or remove it"
        if self.out.exists() and not self.out.is_dir():
            raise OutputError(f"cannot write {str(self.out)!r}: it is a file; {advice}")
        held = held_options(self.out)
        if held is None:
            check_folder(self.out)
            return
        files = held.pop("files", self.files)
        other = differing(held, self._options())
        if other is None and files != self.files:
            other = "other or changed files or captions"
        if other is not None:
            raise ParameterError(
                f"out={str(self.out)!r}: contains a dataset with {other}; {advice}"
            )

    def _options(self) -> dict[str, Any]:
        return dict(json.loads(json.dumps(self.resolved.options)))

    def open(self) -> None:
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.out, error) from error
        write_json(self.work / _WORK_INFO, self.resolved.options)

    def give_up(self) -> None:
        """Nothing usable: leave no trace of a folder that wasn't there."""
        if self.is_new:
            shutil.rmtree(self.out, ignore_errors=True)

    def finish(self, assembled: Assembled) -> None:
        """Everything in its place, dataset.json last, and the work folder gone."""
        try:
            self._clear_unless_same(assembled)
            for folder in (*SPLITS, SHARDS_NAME):
                (self.out / folder).mkdir(exist_ok=True)
        except OSError as error:
            raise output_error(self.out, error) from error
        for name, sound in assembled.sounds.items():
            _link(sound, self.out / name)
        write_shards(self.out, assembled.records, lambda r: assembled.pictures[r.file_name])
        write_json_lines(self.out / METADATA_NAME, (r.to_dict() for r in assembled.records))
        write_json_lines(self.out / LEDGER_NAME, assembled.ledger)
        write_json(self.out / INFO_NAME, self._info().to_dict())
        shutil.rmtree(self.work, ignore_errors=True)

    def _clear_unless_same(self, assembled: Assembled) -> None:
        """Half a dataset stays only if it is of these very clips."""
        digest = {"clips": digest_of([record.to_dict() for record in assembled.records])}
        marker = self.work / _FINAL_INFO
        if marker.exists() and json.loads(marker.read_text(encoding="utf-8")) == digest:
            return
        for folder in (*SPLITS, SHARDS_NAME):
            if (self.out / folder).exists():
                shutil.rmtree(self.out / folder)
        write_json(marker, digest)

    def _info(self) -> DatasetInfo:
        resolved = self.resolved
        return DatasetInfo(
            preset=resolved.cut.params.preset,
            params=resolved.cut.params,
            bars=resolved.cut.bars,
            beats_per_bar=resolved.cut.beats_per_bar,
            seconds=resolved.cut.seconds,
            model=resolved.model,
            model_fingerprint=resolved.model_fingerprint,
            seed=resolved.request.seed,
            options={**self._options(), "files": self.files},
            versions=versions(),
        )


def _link(source: Path, target: Path) -> None:
    """The clip under its own name; a copy where the disk knows no links."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
