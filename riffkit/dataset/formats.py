"""The contents of a dataset folder, and how to read them.

dataset.json      how it was built
metadata.jsonl    Hugging Face audiofolder: one line per clip
train/ test/      the clips, FLAC
ledger.jsonl      what became of every source file and every part of it
shards/           WebDataset: image, metadata and cached latents of each clip
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from riffkit.atomic import atomic_path
from riffkit.errors import ParameterError
from riffkit.provenance.recipe import sha256
from riffkit.spectrogram.params import SpectrogramParams

if TYPE_CHECKING:
    from riffkit.spectrogram.image import SpectrogramImage

FORMAT = 1
CLIP_RATE = 44_100
SPLITS = ("train", "test")
INFO_NAME, METADATA_NAME, LEDGER_NAME = "dataset.json", "metadata.jsonl", "ledger.jsonl"
SHARDS_NAME, WORK_NAME = "shards", ".work"


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """One line of metadata.jsonl. Tempo and key are as the clip sounds.

    `text` is the first of `captions`. The image is `transpose` semitones lower than the sound.
    `source` is a path in the folder the dataset was built from; `sha256` is the hash of that file.
    """

    file_name: str
    text: str
    captions: tuple[str, ...]
    split: str
    bpm: float | None
    beats_per_bar: int
    key: str | None
    transpose: float
    tags: dict[str, float]
    loudness_lufs: float
    source: str
    start_seconds: float
    seconds: float
    sha256: str

    @property
    def shard_key(self) -> str:
        """The name of the clip's files in its shard: no dot, no folder."""
        return Path(self.file_name).stem

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "captions": list(self.captions)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ClipRecord:
        """The inverse of `to_dict`; unknown columns are ignored. ValueError for what is no clip."""
        return _RECORD.validate_python(values)


_RECORD = TypeAdapter(ClipRecord)


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """dataset.json. Either `bars` or `seconds` is None."""

    preset: str
    params: SpectrogramParams
    bars: int | None
    beats_per_bar: int
    seconds: float | None
    model: str | None
    model_fingerprint: str | None
    seed: int
    options: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"format": values.pop("format"), **values, "params": self.params.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DatasetInfo:
        return cls(**{**values, "params": SpectrogramParams.from_dict(values["params"])})


@dataclass(frozen=True, eq=False)
class Sample:
    """A clip in a shard. Latents and text are None until they are cached for a model."""

    record: ClipRecord
    image: SpectrogramImage
    latents: np.ndarray | None
    """float16 "channel row column" """
    text: np.ndarray | None
    """float16 "caption token feature" """


def read_dataset_info(out: Path) -> DatasetInfo:
    """Read dataset.json; ParameterError if `out` isn't a finished dataset of this format."""
    values = _read_info(out)
    if values.get("format") != FORMAT:
        raise ParameterError(
            f"dataset={out.name!r}: has format {values.get('format')}, but this riffkit reads "
            f"{FORMAT}; "
            "update riffkit or build the dataset again"
        )
    try:
        return DatasetInfo.from_dict(values)
    except (KeyError, TypeError) as error:
        raise _damaged(out, INFO_NAME) from error


def _read_info(out: Path) -> dict[str, Any]:
    path = out / INFO_NAME
    if not out.exists():
        raise ParameterError(f"dataset={str(out)!r}: no such folder; check the path")
    if not path.is_file():
        how = (
            "its build was interrupted; run the same `riff dataset build` again"
            if (out / WORK_NAME).is_dir()
            else f"contains no {INFO_NAME}; make a dataset with `riff dataset build FOLDER OUT`"
        )
        raise ParameterError(f"dataset={str(out)!r}: {how}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(out, INFO_NAME) from error
    if not isinstance(values, dict):
        raise _damaged(out, INFO_NAME)
    return values


def check_folder(out: Path) -> None:
    """Raise ParameterError for a folder that holds anything but a dataset, finished or not."""
    if not out.is_dir() or (out / INFO_NAME).exists():
        return
    if any(path.name != WORK_NAME for path in out.iterdir()):
        raise ParameterError(
            f"out={str(out)!r}: is not empty and not a dataset; choose another folder or remove it"
        )


def read_metadata(out: Path) -> list[ClipRecord]:
    """The clips of a dataset, in the order of their names within each split."""
    try:
        lines = json_lines((out / METADATA_NAME).read_text(encoding="utf-8"))
        return [ClipRecord.from_dict(json.loads(line)) for line in lines]
    except FileNotFoundError as error:
        raise ParameterError(
            f"dataset={str(out)!r}: contains no {METADATA_NAME}; "
            "make a dataset with `riff dataset build FOLDER OUT`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(out, METADATA_NAME) from error


def read_ledger(out: Path) -> list[dict[str, Any]]:
    """The lines of ledger.jsonl; ParameterError if it can't be read."""
    try:
        lines = json_lines((out / LEDGER_NAME).read_text(encoding="utf-8"))
        return [dict(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(out, LEDGER_NAME) from error


def json_lines(text: str) -> list[str]:
    """The non-empty lines. Only a line feed ends one: JSON strings may hold other separators."""
    return [line for line in text.split("\n") if line.strip()]


def shard_paths(out: Path, split: str) -> list[Path]:
    return sorted((out / SHARDS_NAME).glob(f"{split}-*.tar"))


def n_in_shards(out: Path, split: str) -> int:
    """The clips of a split, counted without reading them; ParameterError for a damaged shard."""
    n = 0
    for path in shard_paths(out, split):
        try:
            with tarfile.open(path) as tar:
                n += sum(name.endswith(".png") for name in tar.getnames())
        except (OSError, tarfile.TarError) as error:
            raise _damaged(out, f"{SHARDS_NAME}/{path.name}") from error
    return n


def dataset_fingerprint(out: Path) -> str:
    """A short hash of the dataset's captions and splits, and of its shards' names."""
    digest = hashlib.sha256(sha256(out / METADATA_NAME).encode())
    for path in (p for split in ("train", "test") for p in shard_paths(out, split)):
        digest.update(f"{path.name}\n".encode())
    return digest.hexdigest()[:16]


def read_shards(out: Path, split: str) -> Iterator[Sample]:
    """Every clip of a split, shard by shard, in the order of the metadata."""
    for path in shard_paths(out, split):
        try:
            for members in read_tar(path):
                yield sample_of(members)
        except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
            raise _damaged(out, f"{SHARDS_NAME}/{path.name}") from error


def read_tar(path: Path) -> Iterator[dict[str, bytes]]:
    """The files of each clip by extension ("png", "json", "latents.npy"), and "__key__"."""
    members: dict[str, bytes] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, extension = member.name.partition(".")
            if members and members["__key__"] != key.encode():
                yield members
                members = {}
            file = tar.extractfile(member)
            assert file is not None
            members |= {"__key__": key.encode(), extension: file.read()}
    if members:
        yield members


def sample_of(members: dict[str, bytes]) -> Sample:
    """The clip made of the files from `read_tar`."""
    from riffkit.spectrogram.image import SpectrogramImage

    with tempfile.NamedTemporaryFile(suffix=".png") as file:  # to be opened by its path
        file.write(members["png"])
        file.flush()
        image = SpectrogramImage.open(file.name)
    return Sample(
        record=ClipRecord.from_dict(json.loads(members["json"])),
        image=image,
        latents=_array(members.get("latents.npy")),
        text=_array(members.get("text.npy")),
    )


def _array(content: bytes | None) -> np.ndarray | None:
    return None if content is None else np.load(io.BytesIO(content))


def write_json_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def write_json(path: Path, values: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        text = json.dumps(values, ensure_ascii=False, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def _damaged(out: Path, name: str) -> ParameterError:
    return ParameterError(f"dataset={str(out)!r}: {name} is damaged; build the dataset again")
