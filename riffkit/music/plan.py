"""A plan: a request with every default resolved. planning.py makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from riffkit.diffusion.denoise import SamplerConfig
from riffkit.prompt.emphasis import Emphasis
from riffkit.prompt.key import MusicalKey
from riffkit.prompt.prompt import Prompt
from riffkit.score.notes import Score
from riffkit.score.stems import Stem
from riffkit.spectrogram.beat_grid import BeatGrid


@dataclass(frozen=True)
class Asked:
    """A prompt and a negative prompt as written, and their names in messages."""

    prompt: str
    negative_prompt: str = ""
    name: str = "prompt"
    negative_name: str = "negative_prompt"


@dataclass(frozen=True)
class Texts:
    """The text encoder's input for them, with the painted key and tempo."""

    prompt: Emphasis
    negative_prompt: Emphasis

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a recipe: parts with their weights."""
        return {
            "prompt": [list(part) for part in self.prompt.parts],
            "negative_prompt": [list(part) for part in self.negative_prompt.parts],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Texts:
        """The inverse of `to_dict`."""
        return cls(
            *(
                Emphasis(tuple((str(text), float(weight)) for text, weight in values[name]))
                for name in ("prompt", "negative_prompt")
            )
        )


@dataclass(frozen=True)
class Plan:
    """Everything decided before the first denoising step.

    `denoising` is the sampler's configuration at full strength. The music sounds `transpose`
    semitones above the painted image. `texts` are those of the prompts, in order; `read` pairs the
    prompts with their names in messages. `resolved` has the values that a recipe stores for the
    request's defaults. `notes` tell the user of choices that may surprise. `score` is what is
    painted after, if there is one; `apart` are its players where each is painted alone, by the text
    in the same place.
    """

    grid: BeatGrid
    key: MusicalKey | None
    beats_per_bar: int
    denoising: SamplerConfig
    transpose: float
    texts: tuple[Texts, ...]
    read: tuple[tuple[str, Prompt], ...]
    resolved: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    score: Score | None = None
    apart: tuple[Stem, ...] = ()

    @property
    def bars(self) -> int:
        return self.grid.n_beats // self.beats_per_bar
