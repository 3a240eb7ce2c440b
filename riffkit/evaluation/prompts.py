"""The prompts for judging models, each with the facts it asks for.

They are worded as no caption of the training is (train/judges/eval_prompts.py wrote them, once),
about scores that no training saw.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PATH = Path(__file__).with_name("prompts.jsonl")


@dataclass(frozen=True)
class EvalPrompt:
    """A prompt and the facts it states; None for facts that it doesn't state.

    `instruments` are named as in the probe's facts, `key` as "A minor". `seed` is that of a score
    with these facts, and `transpose` the semitones that it is played higher by.
    """

    text: str
    seed: int
    bpm: float
    beats_per_bar: int
    instruments: tuple[str, ...]
    drums: bool
    style: str | None
    key: str | None
    density: str | None
    transpose: int


@lru_cache(maxsize=1)
def eval_prompts() -> tuple[EvalPrompt, ...]:
    """All of them, always in the same order."""
    lines = _PATH.read_text(encoding="utf-8").splitlines()
    return tuple(_prompt(json.loads(line)) for line in lines)


def _prompt(values: dict[str, object]) -> EvalPrompt:
    instruments = values.pop("instruments")
    assert isinstance(instruments, list)
    return EvalPrompt(instruments=tuple(instruments), **values)  # type: ignore[arg-type]
