"""Assembles the workers' results into the dataset's lines: which clips stay, their split, names and
captions. Pure: the same results and words give the same lines.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from riffkit.dataset.caption import KnownFacts, caption_clip
from riffkit.dataset.describe import SourceWords
from riffkit.dataset.find import SourceFile
from riffkit.dataset.formats import ClipRecord
from riffkit.dataset.resolve import Resolved
from riffkit.dataset.similarity import drop_duplicates, group_alike, same_track, similar_pairs
from riffkit.dataset.worked import ClipWork, SourceWork, clip_path, read_prints

_SLUG_LENGTH = 40
_SAME_TEMPO = 0.03
_OVERFULL = 1.5
"""A track may enlarge the test split to this many times its share."""


@dataclass(frozen=True, eq=False)
class Heard:
    """One source and everything known about it. `copy_of` names a source with the same bytes."""

    source: SourceFile
    sha256: str
    words: SourceWords
    folder: Path
    work: SourceWork | None
    copy_of: str | None = None


@dataclass(frozen=True)
class Assembled:
    """`pictures` and `sounds` hold the paths of each clip's files, by its file name."""

    records: list[ClipRecord]
    ledger: list[dict[str, Any]]
    pictures: dict[str, Path]
    sounds: dict[str, Path]


@dataclass(frozen=True)
class _Candidate:
    heard: Heard
    clip: ClipWork

    @property
    def stem(self) -> str:
        source = self.heard.source
        return f"{source.index:06d}-{slug(Path(source.name).stem)}-{self.clip.number:02d}"


def slug(text: str) -> str:
    """Lower-case letters a–z, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:_SLUG_LENGTH].strip("-") or "clip"


def choose(heard: Sequence[Heard], resolved: Resolved) -> tuple[list[_Candidate], dict[str, str]]:
    """The clips to keep, and the reasons for dropping the others, by file stem."""
    candidates = [_Candidate(h, clip) for h in heard if h.work for clip in h.work.clips]
    reasons: dict[str, str] = {}
    for dropped, kept in drop_duplicates(len(candidates), _pairs(candidates)).items():
        reasons[candidates[dropped].stem] = f"near-duplicate of {_where(candidates[kept])}"
    most = resolved.request.max_clips_per_track
    if most is not None:
        for h in heard:
            own = [c for c in candidates if c.heard is h and c.stem not in reasons]
            spread = {int(k) for k in np.linspace(0, len(own) - 1, min(most, len(own))).round()}
            for place, candidate in enumerate(own):
                if place not in spread:
                    reasons[candidate.stem] = f"more than {most} clips of one track"
    return [c for c in candidates if c.stem not in reasons], reasons


def _where(candidate: _Candidate) -> str:
    return f"{candidate.heard.source.name} at {candidate.clip.start_seconds:.1f} s"


def _pairs(candidates: Sequence[_Candidate]) -> list[tuple[int, int]]:
    prints = [read_prints(h.folder) for h in dict.fromkeys(c.heard for c in candidates)]
    return list(similar_pairs(np.concatenate(prints))) if prints else []


def split_of_sources(heard: Sequence[Heard], resolved: Resolved) -> dict[str, str]:
    """ "train" or "test" for each source with clips; similar tracks go to the same split.

    Alike: much of one is in the other, or the same artist and title. The folders train/ and test/
    of an audiofolder keep their sides, unless a track of test/ is like one of train/.
    """
    able = [h for h in heard if h.work and h.work.clips]
    alike = _alike(able)
    titled: dict[tuple[str, str], str] = {}
    for h in able:
        if h.words.artist and h.words.title:
            first = titled.setdefault((h.words.artist, h.words.title), h.source.name)
            alike.append((first, h.source.name))
    group = group_alike([h.source.name for h in able], alike)
    n_clips: dict[str, int] = {}
    identity: dict[str, str] = {}
    for h in able:
        root = group[h.source.name]
        n_clips[root] = n_clips.get(root, 0) + len(h.work.clips if h.work else ())
        identity[root] = min(h.sha256, identity.get(root, h.sha256))
    given = _given_test(able, group)
    request = resolved.request
    test = (
        given
        if given is not None
        else choose_test_groups(n_clips, identity, share=request.test_share, seed=request.seed)
    )
    return {name: "test" if root in test else "train" for name, root in group.items()}


def _alike(able: Sequence[Heard]) -> list[tuple[str, str]]:
    """The pairs of sources that hold the same track, among those of the same tempo."""
    tempi = [_median_bpm(h) for h in able]
    prints: dict[int, np.ndarray] = {}
    pairs = []
    for later, h in enumerate(able):
        for earlier in range(later):
            if abs(tempi[later] / tempi[earlier] - 1) > _SAME_TEMPO:
                continue
            for place in (earlier, later):
                if place not in prints:
                    prints[place] = read_prints(able[place].folder)
            if same_track(prints[earlier], prints[later]):
                pairs.append((able[earlier].source.name, h.source.name))
    return pairs


def _median_bpm(h: Heard) -> float:
    return median((clip.bpm or 1.0) for clip in (h.work.clips if h.work else ())) or 1.0


def _given_test(able: Sequence[Heard], group: dict[str, str]) -> set[str] | None:
    """The test groups of an audiofolder that has train/ and test/, else None."""
    tops = {h.source.name: h.source.name.partition("/")[0] for h in able}
    if not {"train", "test"} <= set(tops.values()) <= {"train", "test"}:
        return None
    test = {group[name] for name, top in tops.items() if top == "test"}
    return test - {group[name] for name, top in tops.items() if top == "train"}


def assemble(
    heard: Sequence[Heard],
    resolved: Resolved,
    chosen: Sequence[_Candidate],
    reasons: dict[str, str],
    hooked: dict[str, tuple[str, ...]],
) -> Assembled:
    """The lines of metadata and ledger. `hooked`: captions of the external captioner by stem."""
    sides = split_of_sources(heard, resolved)
    kept = {candidate.stem for candidate in chosen}
    records, ledger = [], []
    pictures, sounds = {}, {}
    for h in heard:
        split = sides.get(h.source.name, "train")
        lines = [_part_line(h, resolved, *part) for part in (h.work.parts if h.work else ())]
        for clip in h.work.clips if h.work else ():
            stem = _Candidate(h, clip).stem
            name = f"{split}/{stem}.flac" if stem in kept else None
            if name is not None:
                records.append(_record(h, clip, name, split, resolved, hooked.get(stem, ())))
                pictures[name] = clip_path(h.folder, clip.number, ".png")
                sounds[name] = clip_path(h.folder, clip.number, ".flac")
            lines.append(
                ledger_line(
                    h.source.name,
                    h.sha256,
                    h.words,
                    licence=resolved.request.licence,
                    start_seconds=clip.start_seconds,
                    seconds=clip.seconds,
                    clip=name,
                    reason=reasons.get(stem),
                )
            )
        ledger += sorted(lines, key=lambda line: line["start_seconds"]) or [_file_line(h, resolved)]
    order = {"train": 0, "test": 1}
    records.sort(key=lambda record: (order[record.split], record.file_name))
    return Assembled(records, ledger, pictures, sounds)


def _part_line(
    h: Heard, resolved: Resolved, start_seconds: float, seconds: float, reason: str
) -> dict[str, Any]:
    return ledger_line(
        h.source.name,
        h.sha256,
        h.words,
        licence=resolved.request.licence,
        start_seconds=start_seconds,
        seconds=seconds,
        reason=reason,
    )


def _file_line(h: Heard, resolved: Resolved) -> dict[str, Any]:
    """A file of which nothing was looked at."""
    reason = f"copy of {h.copy_of}" if h.copy_of else (h.work.error if h.work else None)
    return ledger_line(
        h.source.name,
        h.sha256,
        h.words,
        licence=resolved.request.licence,
        start_seconds=None,
        seconds=h.work.seconds if h.work else None,
        reason=reason,
    )


def _record(
    h: Heard, clip: ClipWork, name: str, split: str, resolved: Resolved, hooked: tuple[str, ...]
) -> ClipRecord:
    words = h.words
    if hooked:
        words = SourceWords(hooked, words.styles, words.artist, words.title, words.licence)
    facts = KnownFacts(words, clip.tags, clip.bpm, clip.key, resolved.request.beats_per_bar)
    captions = caption_clip(
        facts,
        seed=f"{resolved.request.seed} {h.sha256} {clip.number}",
        trigger=resolved.request.trigger,
        templates=resolved.templates,
    )
    return ClipRecord(
        file_name=name,
        text=captions[0],
        captions=captions,
        split=split,
        bpm=clip.bpm,
        beats_per_bar=resolved.request.beats_per_bar,
        key=clip.key,
        transpose=clip.transpose,
        tags=clip.tags,
        loudness_lufs=clip.loudness_lufs,
        source=h.source.name,
        start_seconds=clip.start_seconds,
        seconds=clip.seconds,
        sha256=h.sha256,
    )


def ledger_line(
    source: str,
    sha256: str,
    words: SourceWords,
    *,
    licence: str | None,
    start_seconds: float | None,
    seconds: float | None,
    clip: str | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """`clip` is the file of a kept part, `reason` why another was left out. `licence` stands for
    that of files that name none of their own."""
    return {
        "source": source,
        "sha256": sha256,
        "licence": words.licence or licence,
        "artist": words.artist,
        "title": words.title,
        "start_seconds": start_seconds,
        "seconds": seconds,
        "kept": clip is not None,
        "clip": clip,
        "reason": reason,
    }


def choose_test_groups(
    n_clips: Mapping[str, int], identity: Mapping[str, str], *, share: float, seed: int
) -> set[str]:
    """The groups held out: about `share` of all clips, at least one group and never all.

    Their order follows from the seed and each group's `identity`, such as the hash of a file:
    neither names nor further files change who comes before whom.
    """
    if share <= 0 or len(n_clips) < 2:
        return set()
    order = sorted(
        n_clips, key=lambda g: hashlib.sha256(f"{seed} {identity[g]}".encode()).hexdigest()
    )
    total = sum(n_clips.values())
    chosen: set[str] = set()
    held = 0
    for group in order:
        if len(chosen) + 1 < len(n_clips) and held + n_clips[group] <= _OVERFULL * share * total:
            chosen.add(group)
            held += n_clips[group]
        if held >= share * total:
            break
    if not chosen:  # all tracks are large: one of them that leaves most to train on
        halves = [group for group in order if 2 * n_clips[group] <= total]
        chosen = {halves[0] if halves else min(order, key=n_clips.__getitem__)}
    return chosen
