"""WebDataset shards: the images of a dataset with their metadata, a hundred clips a tar.

The same clips give the same bytes: names in order, no times, no owners.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from riffkit.atomic import atomic_path
from riffkit.dataset.formats import SHARDS_NAME, SPLITS, ClipRecord

CLIPS_PER_SHARD = 100


def write_shards(
    out: Path, records: Sequence[ClipRecord], picture: Callable[[ClipRecord], Path]
) -> None:
    """The shards of both splits; those that are there already stay. `picture`: a clip's PNG."""
    for split in SPLITS:
        chosen = [record for record in records if record.split == split]
        for first in range(0, len(chosen), CLIPS_PER_SHARD):
            path = out / SHARDS_NAME / f"{split}-{first // CLIPS_PER_SHARD:05d}.tar"
            if not path.exists():
                clips = chosen[first : first + CLIPS_PER_SHARD]
                write_tar(path, (_members(record, picture(record)) for record in clips))


def _members(record: ClipRecord, picture: Path) -> tuple[str, dict[str, bytes]]:
    line = json.dumps(record.to_dict(), ensure_ascii=False).encode()
    return record.shard_key, {"json": line, "png": picture.read_bytes()}


def write_tar(path: Path, clips: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """One shard, whole or not at all: of each clip its key and its files by extension."""
    with (
        atomic_path(path) as temporary,
        tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for key, members in clips:
            for extension, content in sorted(members.items()):
                header = tarfile.TarInfo(f"{key}.{extension}")
                header.size, header.mode = len(content), 0o644
                tar.addfile(header, io.BytesIO(content))
