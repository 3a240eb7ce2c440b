"""The prompts for judging models, each with the facts it asks for.

They are worded as no caption of the training is (train/judges/eval_prompts.py wrote them, once),
about scores that no training saw. Light: no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.tasks.generate import GenerateRequest

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


@dataclass(frozen=True)
class Evaluation:
    """The loops to make: those of the first prompts, with seeds from `seed` on."""

    n_prompts: int = 200
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.n_prompts <= len(eval_prompts()):
            raise ParameterError(
                f"prompts={self.n_prompts}: must be between 2 and {len(eval_prompts())}"
            )
        _ = self.requests()  # steps and guidance in range

    def requests(self) -> list[tuple[EvalPrompt, GenerateRequest]]:
        return [
            (
                prompt,
                GenerateRequest(
                    prompt.text,
                    bpm=prompt.bpm,
                    beats_per_bar=prompt.beats_per_bar,
                    steps=self.steps,
                    guidance=self.guidance,
                    seed=self.seed + index,
                    loop=True,
                ),
            )
            for index, prompt in enumerate(eval_prompts()[: self.n_prompts])
        ]
