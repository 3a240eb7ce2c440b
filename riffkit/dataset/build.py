"""`riff dataset build`: a folder of audio becomes a dataset.

Each file is one task, whose results are kept in OUT/.work until the build is complete. The same
call resumes an interrupted build and gives the same bytes as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riffkit.dataset.assemble import Heard, assemble, choose
from riffkit.dataset.captioner import CaptionTask, caption_by_command
from riffkit.dataset.find import SourceFile
from riffkit.dataset.formats import ClipRecord, read_ledger, read_metadata
from riffkit.dataset.publish import Place
from riffkit.dataset.resolve import BuildRequest, Resolved, resolve
from riffkit.dataset.sources import Sources, read_sources
from riffkit.dataset.work import SourceTask, work_source
from riffkit.dataset.worked import clip_path, read_work
from riffkit.engine import run_tasks
from riffkit.errors import ParameterError


@dataclass(frozen=True)
class Built:
    """A finished build. `bad` lists files that gave no clip, and why."""

    records: list[ClipRecord]
    n_sources: int
    bad: list[tuple[str, str]]
    n_copies: int
    n_duplicates: int
    notes: tuple[str, ...]

    def clips(self, split: str) -> list[ClipRecord]:
        return [record for record in self.records if record.split == split]


def build_dataset(
    folder: str | Path,
    out: str | Path,
    request: BuildRequest = BuildRequest(),  # noqa: B008 (frozen)
    *,
    without: str | Path | None = None,
    begin: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> Built:
    """Cut, caption and split a folder of audio; run it again to resume, or to add files.

    Args:
        folder: folder of audio files, with or without subfolders.
        out: dataset folder to write or resume.
        request: bars, tempo, preset, captions and so on.
        without: folder in `folder` whose files are left out; by default, `out`.
        begin: called with the number of files; returns a callback that is called after each file.

    Returns:
        What was built, and which files were left out and why.

    Raises:
        ParameterError: no usable audio in `folder`, or `out` was built with other options.
        OutputError: `out` can't be written. Finished work is kept.

    Example:
        built = riffkit.build_dataset("songs", "dataset", riffkit.BuildRequest(bars=4))
    """
    folder, out = Path(folder), Path(out)
    resolved = resolve(request)
    sources = read_sources(folder, without=out if without is None else Path(without))
    held = Place(out, resolved, sources.digest)
    notes = _missing_notes(sources.missing)
    if held.is_finished:
        return _already(out, notes)
    held.open()
    try:
        heard = _hear(sources, resolved, held, begin(len(sources.files)))
        chosen, reasons = choose(heard, resolved)
        if not chosen:
            raise _nothing(folder, heard)
    except ParameterError:
        held.give_up()
        raise
    hooked = _ask_captioner(resolved, [(c.stem, c.heard.folder, c.clip.number) for c in chosen])
    assembled = assemble(heard, resolved, chosen, reasons, hooked)
    held.finish(assembled)
    return _built(assembled.records, assembled.ledger, notes)


def _hear(
    sources: Sources, resolved: Resolved, held: Place, advance: Callable[[], None]
) -> list[Heard]:
    """Every file heard once, whatever its copies."""
    first: dict[str, SourceFile] = {}
    for source in sources.files:
        first.setdefault(sources.hashes[source.name], source)
    tasks = []
    for digest, source in first.items():
        if read_work(held.folder_of(digest)) is None:
            tasks.append(
                SourceTask(str(source.path), source.name, str(held.folder_of(digest)), resolved.cut)
            )
    for _ in range(len(sources.files) - len(tasks)):
        advance()
    request = resolved.request
    results = run_tasks(
        work_source, tasks, engine=request.engine, workers=request.workers, name=_name_of, gpu=False
    )
    for _ in results:
        advance()
    heard = []
    for source in sources.files:
        digest = sources.hashes[source.name]
        original = first[digest]
        is_copy = original is not source
        heard.append(
            Heard(
                source=source,
                sha256=digest,
                words=sources.words[source.name],
                folder=held.folder_of(digest),
                work=None if is_copy else read_work(held.folder_of(digest)),
                copy_of=original.name if is_copy else None,
            )
        )
    return heard


def _name_of(task: SourceTask | CaptionTask) -> str:
    return task.name


def _ask_captioner(
    resolved: Resolved, clips: list[tuple[str, Path, int]]
) -> dict[str, tuple[str, ...]]:
    request = resolved.request
    if request.captioner is None:
        return {}
    tasks = [
        CaptionTask(
            request.captioner,
            str(clip_path(folder, number, ".flac")),
            str(clip_path(folder, number, ".captions.json")),
            stem,
        )
        for stem, folder, number in clips
    ]
    answers = run_tasks(
        caption_by_command,
        tasks,
        engine=request.engine,
        workers=request.workers,
        name=_name_of,
        gpu=False,
    )
    return {task.name: captions for task, captions in zip(tasks, answers, strict=True)}


def _nothing(folder: Path, heard: list[Heard]) -> ParameterError:
    """Why no clip is left, in one line."""
    reasons = [h.work.error for h in heard if h.work and h.work.error]
    common = max(sorted(set(reasons)), key=reasons.count) if reasons else "nothing usable"
    advice = {
        "too": "use longer files, fewer `bars` or `seconds`",
        "no ": "set `bpm` or `seconds`",
        "sil": "use files with audible sound",
    }.get(common[:3], "use playable WAV, FLAC, OGG or MP3 files")
    n = len(heard)
    files = heard[0].source.name if n == 1 else f"{n} files"
    return ParameterError(f"folder={str(folder)!r}: no clip in {files}: {common}; {advice}")


def _missing_notes(missing: tuple[str, ...]) -> tuple[str, ...]:
    if not missing:
        return ()
    shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    return (f"captions ignored for {len(missing)} missing files: {shown}",)


def _already(out: Path, notes: tuple[str, ...]) -> Built:
    note = (f"{out} is already up to date",)
    return _built(read_metadata(out), read_ledger(out), (*note, *notes))


def _built(
    records: list[ClipRecord], ledger: list[dict[str, Any]], notes: tuple[str, ...]
) -> Built:
    """A summary of a dataset from its own lines."""
    sources = list(dict.fromkeys(line["source"] for line in ledger))
    used = {line["source"] for line in ledger if line["kept"]}
    why: dict[str, list[str]] = {}
    for line in ledger:
        if line["source"] not in used:
            why.setdefault(line["source"], []).append(line["reason"])
    copies = {name for name, reasons in why.items() if reasons[0].startswith("copy of")}
    bad = [
        (name, max(sorted(set(reasons)), key=reasons.count))
        for name, reasons in why.items()
        if name not in copies
    ]
    n_tracks = len(used)
    if not any(record.split == "test" for record in records):
        held = "one track gives" if n_tracks == 1 else "there is"
        notes = (*notes, f"{held} no test split: all clips are in train")
    n_duplicates = sum(str(line["reason"]).startswith("near-duplicate") for line in ledger)
    if copies:
        notes = (*notes, f"skipped {len(copies)} duplicate file{'s' * (len(copies) > 1)}")
    return Built(records, len(sources), bad, len(copies), n_duplicates, notes)
