"""The ledger: what became of every source file, and of every part of it that was looked at."""

from __future__ import annotations

from typing import Any

from riffkit.dataset.describe import SourceWords


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
