"""Words and phrases in a prompt, whatever its punctuation and case."""

from __future__ import annotations

import re
from collections.abc import Iterable


def contains(prompt: str, phrases: Iterable[str]) -> bool:
    """Whether the prompt holds one of the phrases, as whole words."""
    text = f" {_plain(prompt)} "
    return any(f" {_plain(phrase)} " in text for phrase in phrases)


def longest_named(prompt: str, phrases: Iterable[str]) -> str | None:
    """The longest of the phrases that the prompt holds."""
    return max((p for p in phrases if contains(prompt, [p])), key=len, default=None)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", text.lower().replace("&", " and ")).split())
