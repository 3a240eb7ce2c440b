"""The prompts for judging models, each with the facts it asks for.

The "fixed" ones are worded as no caption of the training is (train/judges/eval_prompts.py wrote
them, once), about scores that no training saw. The reader of prompts has been written with them at
hand. The "held-out" ones are others, worded as strangers speak (train/judges/held_out_prompts.py):
nothing was or is to be tuned on them, and they are for measuring a finished model once. Light: no
torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from riffkit.errors import ParameterError, unknown
from riffkit.tasks.generate import GenerateRequest

FIXED, HELD_OUT = "fixed", "held-out"
PROMPT_LISTS = {FIXED: "prompts.jsonl", HELD_OUT: "held_out_prompts.jsonl"}


@dataclass(frozen=True)
class EvalPrompt:
    """A prompt and the facts it states; None for facts that it doesn't state.

    `instruments` are named as in the probe's facts, `key` as "A minor". `seed` is that of a score
    with these facts (but for metres other than 3 and 4 beats, which none has), and `transpose` the
    semitones that it is played higher by.
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


@lru_cache(maxsize=len(PROMPT_LISTS))
def eval_prompts(prompt_list: str = FIXED) -> tuple[EvalPrompt, ...]:
    """All of a list, always in the same order; ParameterError for an unknown list."""
    if prompt_list not in PROMPT_LISTS:
        raise ParameterError(f"prompt_list={unknown(prompt_list, PROMPT_LISTS)}")
    path = Path(__file__).with_name(PROMPT_LISTS[prompt_list])
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(_prompt(json.loads(line)) for line in lines)


def _prompt(values: dict[str, object]) -> EvalPrompt:
    instruments = values.pop("instruments")
    assert isinstance(instruments, list)
    return EvalPrompt(instruments=tuple(instruments), **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Evaluation:
    """The loops to make: those of a list's first prompts, with seeds from `seed` on."""

    n_prompts: int = 200
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    prompt_list: str = FIXED

    def __post_init__(self) -> None:
        most = len(eval_prompts(self.prompt_list))
        if not 2 <= self.n_prompts <= most:
            raise ParameterError(f"prompts={self.n_prompts}: must be between 2 and {most}")
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
            for index, prompt in enumerate(eval_prompts(self.prompt_list)[: self.n_prompts])
        ]
