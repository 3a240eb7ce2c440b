"""Finds what is wrong with a dataset, from its lines and the measurements. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median

import numpy as np

from riffkit.audio.loudness import TARGET_LUFS
from riffkit.dataset.formats import CLIP_RATE, ClipRecord
from riffkit.dataset.listen import Heard, Seen, Shard
from riffkit.dataset.similarity import group_alike, similar_pairs

_FULL_SCALE_RUN = 3  # this many samples in a row at full scale are audible
_SILENT_SHARE = 0.5
_LOUDNESS_LU = 6.0
_LENGTH_SECONDS = 0.001

KINDS = {
    "damaged-line": "unreadable lines in metadata.jsonl; build the dataset again",
    "listed-twice": "clips that metadata.jsonl lists more than once",
    "missing-file": "clips in metadata.jsonl that don't exist",
    "damaged-file": "unreadable clips",
    "unlisted-file": "audio files missing from metadata.jsonl",
    "wrong-format": f"clips that aren't stereo at {CLIP_RATE} Hz",
    "wrong-length": "clips whose length differs from metadata.jsonl",
    "wrong-split": "clips in another split's folder",
    "leak": "music that is in both train and test: memorizing it would look like learning",
    "near-duplicate": "almost identical clips within one split",
    "clipping": "clips whose true peak is above 0 dBFS, or that stay at full scale",
    "silence": "clips that are silent at least half of the time",
    "loudness": f"clips more than {_LOUDNESS_LU:g} LU louder or quieter than most",
    "no-caption": "clips without a caption",
    "damaged-shard": "unreadable images in shards/; build the dataset again",
    "no-image": "clips without an image in any shard; build the dataset again",
    "other-line": "clips whose shard disagrees with metadata.jsonl",
}


@dataclass(frozen=True)
class Finding:
    """A problem with some clips, given by their file names. `kind` is one of `KINDS`."""

    kind: str
    clips: tuple[str, ...]
    detail: str = ""


def of_lines(records: Sequence[ClipRecord], listed_files: set[str]) -> Iterator[Finding]:
    """Problems in the lines themselves, and files that don't match them."""
    counts = Counter(record.file_name for record in records)
    for name, count in counts.items():
        if count > 1:
            yield Finding("listed-twice", (name,), f"{count} times")
        if name not in listed_files:
            yield Finding("missing-file", (name,))
    for name in sorted(listed_files - counts.keys()):
        yield Finding("unlisted-file", (name,))
    for record in records:
        if PurePosixPath(record.file_name).parts[:1] != (record.split,):
            yield Finding("wrong-split", (record.file_name,), f"its split is {record.split!r}")
        captions = (record.text, *record.captions)
        if not record.captions or not all(caption.strip() for caption in captions):
            yield Finding("no-caption", (record.file_name,))


def of_sound(records: Sequence[ClipRecord], heard: Mapping[str, Heard]) -> Iterator[Finding]:
    """Problems in the audio; `heard` is by file name."""
    levels = [one.loudness_lufs for one in heard.values() if one.loudness_lufs > -np.inf]
    usual = median(levels) if levels else TARGET_LUFS
    for record in records:
        one = heard.get(record.file_name)
        if one is None:
            continue
        clip = (record.file_name,)
        if one.error:
            yield Finding("damaged-file", clip, one.error)
            continue
        if (one.sample_rate, one.n_channels) != (CLIP_RATE, 2):
            detail = f"{one.n_channels} channels at {one.sample_rate} Hz"
            yield Finding("wrong-format", clip, detail)
        if abs(one.seconds - record.seconds) > _LENGTH_SECONDS:
            yield Finding("wrong-length", clip, f"{one.seconds:.3f} s, not {record.seconds:.3f} s")
        if one.true_peak_dbfs > 0 or one.full_scale_run >= _FULL_SCALE_RUN:
            detail = f"true peak {one.true_peak_dbfs:+.1f} dBFS"
            detail += f", {one.full_scale_run} samples in a row" if one.full_scale_run > 1 else ""
            yield Finding("clipping", clip, detail)
        if one.silent_share >= _SILENT_SHARE:
            yield Finding("silence", clip, f"{one.silent_share:.0%} of the clip")
        elif abs(one.loudness_lufs - usual) > _LOUDNESS_LU:
            detail = f"{one.loudness_lufs:.1f} LUFS, median {usual:.1f}"
            yield Finding("loudness", clip, detail)


def of_shards(records: Sequence[ClipRecord], shards: Sequence[Shard]) -> Iterator[Finding]:
    """Differences between the shards and the lines."""
    seen = {one.record.shard_key: one.record for shard in shards for one in shard.seen}
    damaged = {key for shard in shards for key in shard.damaged}
    for shard in shards:
        for key in shard.damaged:
            yield Finding("damaged-shard", (), f"{shard.name}: {key or 'the rest'}")
    for record in records:
        if record.shard_key not in seen:
            if record.shard_key not in damaged:
                yield Finding("no-image", (record.file_name,))
        elif seen[record.shard_key] != record:
            yield Finding("other-line", (record.file_name,))


def of_sources(records: Sequence[ClipRecord]) -> Iterator[Finding]:
    """Sources, or copies of one source, that have clips in both splits."""
    for what, same in (("source", "from the same file"), ("sha256", "from copies of one file")):
        clips: dict[str, list[ClipRecord]] = defaultdict(list)
        for record in records:
            clips[getattr(record, what)].append(record)
        for name, members in clips.items():
            if len({record.split for record in members}) < 2:
                continue
            if what == "sha256" and len({record.source for record in members}) < 2:
                continue  # reported already
            detail = f"{same}, {name}" if what == "source" else same
            yield Finding("leak", tuple(record.file_name for record in members), detail)


def of_images(records: Sequence[ClipRecord], seen: Mapping[str, Seen]) -> Iterator[Finding]:
    """Clips with almost identical images, within and across the splits."""
    names = [record.file_name for record in records if record.shard_key in seen]
    splits = {record.file_name: record.split for record in records}
    if not names:
        return
    prints = np.stack(
        [seen[record.shard_key].fingerprint for record in records if record.shard_key in seen]
    )
    alike = [(names[one], names[other]) for one, other in similar_pairs(prints)]
    groups: dict[str, list[str]] = defaultdict(list)
    for name, group in group_alike(names, alike).items():
        groups[group].append(name)
    for members in groups.values():
        if len(members) > 1:
            is_leak = len({splits[name] for name in members}) > 1
            kind = "leak" if is_leak else "near-duplicate"
            yield Finding(kind, tuple(members), "almost identical images")
