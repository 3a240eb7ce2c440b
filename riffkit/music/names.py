"""File names of clips."""

from __future__ import annotations

from pathlib import Path


def slug(prompt: str) -> str:
    """At most 40 letters of a prompt's words, joined by hyphens; "riff" where it has none."""
    words = "".join(letter if letter.isalnum() else " " for letter in prompt.lower()).split()
    return "-".join(words)[:40].strip("-") or "riff"


def numbered(path: Path, count: int) -> list[Path]:
    """A path for each of `count` clips: NAME.wav itself, or NAME-1.wav, NAME-2.wav …"""
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{n}") for n in range(1, count + 1)]
