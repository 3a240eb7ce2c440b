"""Facts of a clip that its captions may tell, each as a name and a value: "instrument violin"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fact_words(facts: Mapping[str, Any]) -> set[str]:
    """The facts of a clip that its captions may tell, each as a name and a value."""
    words = {f"instrument {name}" for name in facts.get("instruments", ())}
    words |= {f"mood {name}" for name in facts.get("mood", ())}
    single = ("style", "key", "mode", "drums", "density", "texture", "figure")
    words |= {f"{name} {facts[name]}" for name in single if facts.get(name)}
    if facts.get("key"):
        words.add(f"key {facts['key']} {facts['mode']}")
    return words
