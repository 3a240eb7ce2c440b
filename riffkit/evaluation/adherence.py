"""How well a clip follows its prompt, aspect by aspect."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Adherence:
    """The scores of one clip, from 0 to 1; None for aspects that its prompt doesn't state.

    `instruments` is the share that was heard, `on_grid` the share of onsets near a sixteenth.
    """

    instruments: float | None
    style: float | None
    drums: float | None
    density: float | None
    key: float | None
    mode: float | None
    on_grid: float | None


ASPECTS = tuple(field.name for field in fields(Adherence))
