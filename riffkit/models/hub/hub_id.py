"""Hub ids: owner/name[/FILE][@REVISION][:VARIANT]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riffkit.errors import ModelError

SINGLE_FILES = (".safetensors", ".ckpt")
"""File extensions of whole models in one file."""
_ID = re.compile(
    r"(?P<repo>[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?:/(?P<file>[^@:]+\.(?:safetensors|ckpt)))?"
    r"(?:@(?P<revision>[A-Za-z0-9_][^\s:@]*))?"
    r"(?::(?P<variant>[A-Za-z0-9_-]+))?"
)


@dataclass(frozen=True)
class HubId:
    """`repo` is "owner/name"; `revision` a branch, a tag or a commit; `variant` such as "fp16".

    `file` is the single-file model, if the id names one.
    """

    repo: str
    revision: str = "main"
    variant: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        return f"{self.repo}{file}{revision}" + (f":{self.variant}" if self.variant else "")


def is_hub_id(text: str) -> bool:
    """Whether the text looks like a hub id. A path may too, so check the disk first."""
    match = _ID.fullmatch(text)
    if match is None:
        return False
    names = match["repo"] + (match["revision"] or "")
    is_file = match["file"] is None and match["repo"].endswith(SINGLE_FILES)
    return not is_file and "--" not in names and ".." not in text


def parse_hub_id(text: str) -> HubId:
    """The parts of a hub id; ModelError if it isn't one."""
    match = _ID.fullmatch(text)
    if match is None or not is_hub_id(text):
        raise ModelError(
            f"model={text!r}: is not a hub id; use owner/name[/FILE][@REVISION][:VARIANT]"
        )
    return HubId(match["repo"], match["revision"] or "main", match["variant"], match["file"])


def variant_of(model: str) -> str | None:
    """The variant in a model's name, if it is a hub id with one."""
    return parse_hub_id(model).variant if is_hub_id(model) else None
