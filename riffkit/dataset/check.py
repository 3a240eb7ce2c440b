"""Checks a dataset folder: counts, and everything wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riffkit.dataset import findings as finding
from riffkit.dataset.find import EXTENSIONS
from riffkit.dataset.findings import KINDS, Finding
from riffkit.dataset.formats import (
    METADATA_NAME,
    SPLITS,
    ClipRecord,
    DatasetInfo,
    read_dataset_info,
    shard_paths,
)
from riffkit.dataset.listen import Heard, Seen, Shard, listen, look
from riffkit.dataset.similarity import most_alike, most_used
from riffkit.engine import run_tasks
from riffkit.errors import ParameterError

_BPM_STEP = 10


@dataclass(frozen=True, eq=False)
class Check:
    """The results of a check: `heard` by file name, `seen` by shard key."""

    info: DatasetInfo
    records: list[ClipRecord]
    heard: dict[str, Heard]
    seen: dict[str, Seen]
    findings: list[Finding]

    def problems(self) -> list[dict[str, Any]]:
        """The findings grouped by kind, in the order of `KINDS`."""
        problems = []
        for kind, what in KINDS.items():
            own = [one for one in self.findings if one.kind == kind]
            if own:
                members = [{"clips": list(one.clips), "detail": one.detail} for one in own]
                problems.append({"kind": kind, "what": what, "n": len(own), "findings": members})
        return problems

    def facts(self) -> dict[str, Any]:
        """The contents of check.json."""
        captions = [record.text for record in self.records]
        return {
            "clips": len(self.records),
            "hours": round(sum(record.seconds for record in self.records) / 3600, 4),
            "splits": {split: self._split_facts(split) for split in SPLITS},
            "tempo_bpm": tempo_histogram(self.records),
            "keys": key_counts(self.records),
            "captions_most_used": [list(pair) for pair in most_used(captions)],
            "captions_most_alike": [list(pair) for pair in most_alike(captions)],
            "problems": self.problems(),
        }

    def _split_facts(self, split: str) -> dict[str, Any]:
        records = [record for record in self.records if record.split == split]
        heard = [self.heard[r.file_name] for r in records if r.file_name in self.heard]
        levels = [one.loudness_lufs for one in heard if np.isfinite(one.loudness_lufs)]
        peaks = [one.true_peak_dbfs for one in heard if np.isfinite(one.true_peak_dbfs)]
        return {
            "clips": len(records),
            "hours": round(sum(record.seconds for record in records) / 3600, 4),
            "sources": len({record.source for record in records}),
            "loudness_lufs": round(float(np.median(levels)), 2) if levels else None,
            "highest_true_peak_dbfs": round(max(peaks), 2) if peaks else None,
        }


def check_dataset(
    out: str | Path,
    *,
    engine: str = "local",
    workers: int | None = None,
    begin: Callable[[int], Callable[[], None]] | None = None,
) -> Check:
    """Check a dataset for leaks, near-duplicates, clipping, silence, missing captions and damage.

    Args:
        out: dataset folder.
        engine: "local" or "ray".
        workers: number of workers; None for one per core.
        begin: called with the number of files; returns a callback that is called after each file.

    Returns:
        The measurements and findings; `facts()` gives them as plain values.

    Raises:
        ParameterError: the folder contains no dataset.

    Example:
        problems = riffkit.check_dataset("dataset").problems()
    """
    out = Path(out)
    info = read_dataset_info(out)
    records, found = _read_lines(out)
    files = {
        path.relative_to(out).as_posix()
        for split in SPLITS
        for path in (out / split).glob("**/*")
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
    }
    names = sorted({record.file_name for record in records} & files)
    sounds = [(out / name).absolute() for name in names]
    shards = [path.absolute() for split in SPLITS for path in shard_paths(out, split)]
    advance = begin(len(sounds) + len(shards)) if begin else lambda: None
    heard: dict[str, Heard] = {}
    measured = run_tasks(listen, sounds, engine=engine, workers=workers, gpu=False)
    for name, one in zip(names, measured, strict=True):
        heard[name] = one
        advance()
    looked: list[Shard] = []
    for shard in run_tasks(look, shards, engine=engine, workers=workers, gpu=False):
        looked.append(shard)
        advance()
    seen = {one.record.shard_key: one for shard in looked for one in shard.seen}
    found += [
        *finding.of_lines(records, files),
        *finding.of_sound(records, heard),
        *finding.of_shards(records, looked),
        *finding.of_sources(records),
        *finding.of_images(records, seen),
    ]
    return Check(info, records, heard, seen, found)


def _read_lines(out: Path) -> tuple[list[ClipRecord], list[Finding]]:
    """The lines of metadata.jsonl that can be read, and findings for the others."""
    records, found = [], []
    for number, line in _lines(out):
        try:
            records.append(ClipRecord.from_dict(json.loads(line)))
        except ValueError:
            found.append(Finding("damaged-line", (), f"line {number}"))
    return records, found


def _lines(out: Path) -> Iterator[tuple[int, str]]:
    try:
        text = (out / METADATA_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ParameterError(
            f"dataset={str(out)!r}: {METADATA_NAME} can't be read: {error.strerror}; "
            "build the dataset again"
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def tempo_histogram(records: Sequence[ClipRecord]) -> dict[str, int]:
    """How many clips in each ten beats a minute, "90–99", from the slowest to the fastest."""
    counts = Counter(int(record.bpm // _BPM_STEP) for record in records if record.bpm)
    if not counts:
        return {}
    bins = range(min(counts), max(counts) + 1)
    return {f"{b * _BPM_STEP}–{(b + 1) * _BPM_STEP - 1}": counts[b] for b in bins}


def key_counts(records: Sequence[ClipRecord]) -> dict[str, int]:
    """How many clips in each key, the most frequent first."""
    counts = Counter(record.key for record in records if record.key)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
