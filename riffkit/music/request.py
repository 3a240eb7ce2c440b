"""What every painting command may be asked for, and the same with every open choice made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Denoising
from riffkit.diffusion.prompts import encode_prompts, n_tokens_cut
from riffkit.errors import ParameterError
from riffkit.music.canvas import Canvas, Direction
from riffkit.music.key import MusicalKey, choose_key, parse_key, semitones_to_key, with_key
from riffkit.music.tempo import choose_bpm, with_tempo
from riffkit.music.wording import as_model_reads, read_wording
from riffkit.recipe import Recipe, versions
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.vocoder.base import Quality

MAX_BARS = 512


@dataclass(frozen=True, kw_only=True)
class PaintRequest:
    """Common options; None leaves the choice to the prompt or the model. `key`: "A minor"."""

    negative_prompt: str = ""
    bpm: float | None = None
    key: str | None = None
    beats_per_bar: int = 4
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    vocoder: str = "griffin-lim"
    quality: Quality = "default"

    def __post_init__(self) -> None:
        if self.key is not None:
            parse_key(self.key)
        if not 2 <= self.beats_per_bar <= 12:
            raise ParameterError(f"beats_per_bar={self.beats_per_bar}: must lie from 2 to 12")
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed={self.seed}: must lie from 0 to 2^63 - 1")


def check_bars(bars: int) -> None:
    """Raise ParameterError for less than one bar, or more than `MAX_BARS`."""
    if not 1 <= bars <= MAX_BARS:
        raise ParameterError(f"bars={bars}: must lie from 1 to {MAX_BARS}")


def check_strength(strength: float) -> None:
    """Raise ParameterError outside 0 … 1."""
    if not 0 <= strength <= 1:
        raise ParameterError(f"strength={strength:g}: must lie from 0 (as it was) to 1 (all new)")


@dataclass(frozen=True)
class Plan:
    """A request with every open choice made."""

    grid: BeatGrid
    key: MusicalKey | None
    beats_per_bar: int
    steps: int
    guidance: float

    @property
    def bars(self) -> int:
        return self.grid.n_beats // self.beats_per_bar

    def how(self, *, strength: float = 1.0) -> Denoising:
        return Denoising(self.steps, self.guidance, strength=strength)

    def canvas(self, checkpoint: Checkpoint, *, loop: bool) -> Canvas:
        return Canvas(self.grid, self.beats_per_bar, loop, checkpoint)

    def transpose(self, checkpoint: Checkpoint) -> float:
        """How many semitones above what the model paints the music sounds."""
        return float(semitones_to_key(self.key, checkpoint.traits))

    def arguments(self) -> dict[str, Any]:
        """What a recipe keeps of it."""
        return {
            "bpm": self.grid.bpm,
            "key": None if self.key is None or not self.key.mode else self.key.name,
            "steps": self.steps,
            "guidance": self.guidance,
        }

    def direction(
        self,
        checkpoint: Checkpoint,
        prompt: str,
        negative_prompt: str = "",
        *,
        guidance: float | None = None,
    ) -> Direction:
        """What a prompt asks for in this tempo and key, as the model reads it."""
        traits = checkpoint.traits
        read = with_tempo(with_key(prompt, self.key, traits), self.grid.bpm, traits)
        unwanted = [as_model_reads(negative_prompt, traits), *read_wording(prompt, traits).unwanted]
        negative = ", ".join(filter(None, unwanted))
        text, negative_text = encode_prompts(checkpoint, [read, negative]).split(1)
        return Direction(text, negative_text, guidance)


def settle(request: PaintRequest, checkpoint: Checkpoint, *, prompt: str, n_beats: int) -> Plan:
    """Tempo, key, steps and guidance: as requested, else as prompt, style or model say."""
    traits = checkpoint.traits
    steps = traits.default_steps if request.steps is None else request.steps
    return Plan(
        grid=BeatGrid(choose_bpm(prompt, traits, bpm=request.bpm), n_beats),
        key=choose_key(prompt, traits, key=request.key, seed=request.seed),
        beats_per_bar=request.beats_per_bar,
        steps=steps,
        guidance=checkpoint.guidance_for(steps) if request.guidance is None else request.guidance,
    )


def recipe_of(
    checkpoint: Checkpoint,
    command: str,
    request: PaintRequest,
    settled: Mapping[str, Any],
    *,
    inputs: Mapping[str, str] | None = None,
) -> Recipe:
    """The request with what was settled in its place. `inputs`: as `riffkit.recipe.Recipe`'s."""
    return Recipe(
        command=command,
        arguments={**asdict(request), **settled},
        model=checkpoint.recipe_facts,
        input=dict(inputs or {}),
        versions=versions(),
        threads=torch.get_num_threads(),
    )


def prompt_notes(checkpoint: Checkpoint, prompts: Mapping[str, str]) -> tuple[str, ...]:
    """How the model reads prompts, by their names: in its captions' words, cut at its limit."""
    notes = []
    for name, said in prompts.items():
        read = read_wording(said, checkpoint.traits)
        if read.text != said:
            without = f", without {', '.join(read.unwanted)}" if read.unwanted else ""
            notes.append(f"{name}: read as {read.text!r}{without}")
        if n_cut := n_tokens_cut(checkpoint, said):
            notes.append(f"{name}: longer than the model reads; the last {n_cut} tokens are cut")
    return tuple(notes)
