"""How long work says what it does: in named stages, each with steps or without."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Advance(Protocol):
    """Called after `n` more steps of a stage; `note` are words on it, such as "loss 0.043"."""

    def __call__(self, n: int = 1, note: str = "") -> None: ...


@runtime_checkable
class Begin(Protocol):
    """Called where a stage begins: its name, its steps if known, and how many are done already."""

    def __call__(self, what: str, total: int | None = None, done: int = 0) -> Advance: ...


def silent(what: str, total: int | None = None, done: int = 0) -> Advance:
    """A `Begin` that says nothing."""
    return lambda n=1, note="": None
