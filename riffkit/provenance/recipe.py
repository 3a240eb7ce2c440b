"""A recipe: everything needed to reproduce one output.

A recipe is stored in the PNG's text chunk and in the audio file's tags. It holds no time of day
and no path: an input is named by its file name and its SHA-256, a model by its name and its
fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from riffkit import __version__
from riffkit.errors import ParameterError
from riffkit.provenance.migrations import SCHEMA, migrated

TAG = "riffkit"
_PACKAGES = ("torch", "diffusers", "transformers", "numpy", "soxr", "soundfile")
_WHOLE_FILE_BYTES = 64 << 20
_SAMPLED_BLOCKS, _BLOCK_BYTES = 64, 1 << 20


@dataclass(frozen=True)
class Recipe:
    """One call: the command, its arguments with every choice made, and the versions.

    `model` is {"name", "fingerprint"}, with LoRAs also "loras": a list of {"name", "sha256",
    "weight"}. `inputs` holds for each file of the command {"name", "sha256"} (and "lead_samples"
    for sound that begins within a bar), or {"seed"} for a bundled one. `texts` is what the text
    encoder got for each prompt, in parts with their weights: [{"prompt": [[text, weight], …],
    "negative_prompt": …}, …]. `score` is that which was painted, as `Score.to_dict` gives it; a
    recipe without one doesn't mention it. The others are empty where unused. `schema` is the number
    of this form; a file of an earlier one is brought up to it when it is read (migrations.py).
    """

    command: str
    arguments: dict[str, Any]
    model: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    threads: int = 0
    schema: int = SCHEMA
    score: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return (
            values if self.score is not None else {k: v for k, v in values.items() if k != "score"}
        )

    def to_json(self) -> str:
        """One line with sorted names, the same for equal recipes."""
        return json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """A recipe from plain values.

        Args:
            values: what `to_dict` of this version or an earlier one gave.

        Returns:
            The recipe, brought up to this version.

        Raises:
            ParameterError: it isn't a recipe, or is from a later version.

        Example:
            recipe = riffkit.Recipe.from_dict(riffkit.inspect("piano.wav")["recipe"])
        """
        try:
            return cls(**migrated(values))
        except (TypeError, KeyError, AttributeError) as error:
            raise ParameterError("recipe: not readable by this version; update riffkit") from error

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ParameterError("recipe: damaged; the file can't be replayed") from error
        return cls.from_dict(values if isinstance(values, dict) else {"": values})

    def with_arguments(self, more: Mapping[str, Any]) -> Recipe:
        """The same with some arguments more, or in the place of others."""
        return replace(self, arguments={**self.arguments, **more})

    def same_music(self, other: Recipe) -> bool:
        """Whether both ask for the same, whatever made them: versions and threads aside.

        Texts count only where both say them: the first recipes did not.
        """
        said = bool(self.texts and other.texts)
        one, two = (
            replace(recipe, versions={}, threads=0, texts=recipe.texts if said else [])
            for recipe in (self, other)
        )
        return bool(json.loads(one.to_json()) == json.loads(two.to_json()))


def versions() -> dict[str, str]:
    """The installed versions of what can change a result."""
    return dict(_versions())


@cache  # finding one takes milliseconds
def _versions() -> dict[str, str]:
    found = {"riffkit": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(model: Path) -> str:
    """A short hash of a folder's weights, or of one file, whatever its name.

    Of files over 64 MiB, 64 blocks of 1 MiB are read.
    """
    paths = [model]
    if model.is_dir():
        paths = sorted(model.rglob("*.safetensors")) + sorted(model.rglob("*.bin"))
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        name = path.relative_to(model).as_posix()
        digest.update(f"{name} {size}\n".encode())
        with path.open("rb") as file:
            if size <= _WHOLE_FILE_BYTES:
                digest.update(file.read())
                continue
            for block in range(_SAMPLED_BLOCKS):
                file.seek(block * (size - _BLOCK_BYTES) // (_SAMPLED_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()[:16]
