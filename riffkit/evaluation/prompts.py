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
from riffkit.score.instruments import INSTRUMENTS
from riffkit.tasks.generate import GenerateRequest

FIXED, HELD_OUT = "fixed", "held-out"
FREE, COMPOSED, BOTH = "free", "composed", "both"
WAYS = (FREE, COMPOSED)
_FIRST_SOLO, _SOLO_BPM = 970_000, 100.0
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


def solo_prompts() -> tuple[EvalPrompt, ...]:
    """One track alone, for every instrument that there is."""
    return tuple(
        EvalPrompt(
            f"solo {name}",
            seed=_FIRST_SOLO + number,
            bpm=_SOLO_BPM,
            beats_per_bar=4,
            instruments=(name,),
            drums=False,
            style=None,
            key=None,
            density=None,
            transpose=0,
        )
        for number, name in enumerate(INSTRUMENTS)
    )


@dataclass(frozen=True)
class Evaluation:
    """The loops to make of a list's first prompts, with seeds from `seed` on.

    `way` is how: "free", painted from the words alone; or "composed": a score is composed for the
    words (which `seed` changes, too), and each player painted after it. In that way the first
    `n_solos` instruments also play alone, one track for each.
    """

    n_prompts: int = 200
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    prompt_list: str = FIXED
    way: str = FREE
    n_solos: int = len(INSTRUMENTS)

    def __post_init__(self) -> None:
        most = len(eval_prompts(self.prompt_list))
        if not 2 <= self.n_prompts <= most:
            raise ParameterError(f"prompts={self.n_prompts}: must be between 2 and {most}")
        if self.way not in WAYS:
            raise ParameterError(f"way={unknown(self.way, WAYS)}")
        if not 0 <= self.n_solos <= len(INSTRUMENTS):
            raise ParameterError(f"solos={self.n_solos}: must be between 0 and {len(INSTRUMENTS)}")
        _ = self.requests()  # steps and guidance in range

    @property
    def n_clips(self) -> int:
        """All that are made."""
        return self.n_prompts + (self.n_solos if self.way == COMPOSED else 0)

    def requests(self) -> list[tuple[EvalPrompt, GenerateRequest]]:
        """What is asked of each clip, those of instruments alone last."""
        prompts = eval_prompts(self.prompt_list)[: self.n_prompts]
        if self.way == COMPOSED:
            prompts += solo_prompts()[: self.n_solos]
        return [(prompt, self._request(n, prompt)) for n, prompt in enumerate(prompts)]

    def _request(self, number: int, prompt: EvalPrompt) -> GenerateRequest:
        is_composed = self.way == COMPOSED
        return GenerateRequest(
            prompt.text,
            bpm=prompt.bpm,
            beats_per_bar=prompt.beats_per_bar,
            steps=self.steps,
            guidance=self.guidance,
            seed=self.seed + (prompt.seed if is_composed else number),
            loop=True,
            stems=is_composed,
            free=None if is_composed else True,
        )
