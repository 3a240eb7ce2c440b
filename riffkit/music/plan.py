"""A request with every open choice made; planning.py makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from riffkit.diffusion.denoise import SamplerConfig
from riffkit.prompt.emphasis import Emphasis
from riffkit.prompt.key import MusicalKey
from riffkit.prompt.prompt import Prompt
from riffkit.spectrogram.beat_grid import BeatGrid


@dataclass(frozen=True)
class Asked:
    """A prompt and a negative prompt as they are written, and what messages call them."""

    prompt: str
    negative_prompt: str = ""
    name: str = "prompt"
    negative_name: str = "negative_prompt"


@dataclass(frozen=True)
class Texts:
    """What the text encoder gets for them, in the key and tempo that are painted."""

    prompt: Emphasis
    negative_prompt: Emphasis

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a recipe keeps them: parts with their weights."""
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
    """Everything that is decided before the first step.

    `denoising`: how to sample, for the whole strength. `transpose`: how many semitones above what
    the model paints the music sounds. `texts`: those of the prompts, in their order. `read`: the
    prompts, with the names that messages give them. `resolved`: what a recipe keeps in place of
    the request's open choices.
    """

    grid: BeatGrid
    key: MusicalKey | None
    beats_per_bar: int
    denoising: SamplerConfig
    transpose: float
    texts: tuple[Texts, ...]
    read: tuple[tuple[str, Prompt], ...]
    resolved: Mapping[str, Any] = field(default_factory=dict)
