"""What every painting command may be asked for, and the same with every open choice made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.compute import is_large
from riffkit.diffusion.deep_cache import check_every
from riffkit.diffusion.denoise import Denoising, check_interval
from riffkit.diffusion.emphasis import Emphasis, check_emphasis, parse_emphasis, plain_words
from riffkit.diffusion.prompts import encode_weighted, n_chunks
from riffkit.diffusion.samplers import check_sampler
from riffkit.errors import ParameterError
from riffkit.music.canvas import Canvas, Direction
from riffkit.music.emphasised import emphasised
from riffkit.music.key import (
    MusicalKey,
    choose_key,
    named_key,
    parse_key,
    semitones_to_key,
    with_key,
)
from riffkit.music.tempo import choose_bpm, with_tempo
from riffkit.music.wording import as_model_reads, read_wording
from riffkit.recipe import Recipe, versions
from riffkit.spectrogram.beat_grid import MAX_BARS, BeatGrid
from riffkit.vocoder.base import Quality

_LATER = ("sampler", "guidance_interval", "deep_cache")
"""Fields that the first recipes did not have: one with their defaults is as those were."""
_Texts = tuple[Emphasis, Emphasis]


@dataclass(frozen=True, kw_only=True)
class PaintRequest:
    """Common options; None leaves the choice to the prompt or the model. `key`: "A minor".

    `sampler`, `guidance_interval` ("A:B", from 0, the first step, to 1, the last) and `deep_cache`
    as `riffkit.diffusion.denoise.Denoising` says; a recipe without them has their defaults.
    """

    negative_prompt: str = ""
    bpm: float | None = None
    key: str | None = None
    beats_per_bar: int = 4
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    guidance_interval: str | None = None
    deep_cache: int = 1
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
        check_emphasis(self.negative_prompt)
        check_sampler(self.sampler)
        check_every(self.deep_cache)
        _ = self.interval

    @property
    def interval(self) -> tuple[float, float]:
        """`guidance_interval` as numbers; ParameterError if it isn't two from 0 to 1."""
        if self.guidance_interval is None:
            return 0.0, 1.0
        begin, colon, end = self.guidance_interval.partition(":")
        try:
            interval = float(begin or 0), float(end or 1)
        except ValueError:
            colon = ""
        if not colon:
            raise ParameterError(
                f"guidance_interval={self.guidance_interval!r}: must be two numbers, as 0:0.6"
            )
        check_interval(interval)
        return interval


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
    """A request with every open choice made.

    `is_large`: the model's network is nearly all of the cost, so what it needn't compute is left
    out. `remarks`: what painting has to say of itself.
    """

    grid: BeatGrid
    key: MusicalKey | None
    beats_per_bar: int
    steps: int
    guidance: float
    request: PaintRequest
    is_large: bool = False
    remarks: list[str] = field(default_factory=list, compare=False)
    encoded: dict[_Texts, list[Tensor]] = field(default_factory=dict, compare=False)

    @property
    def bars(self) -> int:
        return self.grid.n_beats // self.beats_per_bar

    def how(self, *, strength: float = 1.0) -> Denoising:
        return Denoising(
            self.steps,
            self.guidance,
            strength=strength,
            sampler=self.request.sampler,
            guidance_interval=self.request.interval,
            deep_cache=self.request.deep_cache,
            on_remark=self.remarks.append,
            skip_kept=self.is_large,
        )

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
        asked, avoided = parse_emphasis(prompt), parse_emphasis(negative_prompt)

        def as_read(words: str) -> str:
            read = as_model_reads(words, traits)
            return with_key(words, self.key, traits) if named_key(words) else read

        read = with_tempo(with_key(asked.text, self.key, traits), self.grid.bpm, traits)
        unwanted = read_wording(asked.text, traits).unwanted
        negative = ", ".join(filter(None, [as_model_reads(avoided.text, traits), *unwanted]))
        texts = (
            emphasised(read, [asked], as_read),
            emphasised(negative, [avoided, asked] if unwanted else [avoided], as_read),
        )
        if texts not in self.encoded:
            self.encoded[texts] = encode_weighted(checkpoint, texts)
        text, negative_text = self.encoded[texts]
        return Direction(text, negative_text, guidance)


def settle(request: PaintRequest, checkpoint: Checkpoint, *, prompt: str, n_beats: int) -> Plan:
    """Tempo, key, steps and guidance: as requested, else as prompt, style or model say."""
    traits, prompt = checkpoint.traits, plain_words(prompt)
    steps = traits.default_steps if request.steps is None else request.steps
    return Plan(
        grid=BeatGrid(choose_bpm(prompt, traits, bpm=request.bpm), n_beats),
        key=choose_key(prompt, traits, key=request.key, seed=request.seed),
        beats_per_bar=request.beats_per_bar,
        steps=steps,
        guidance=checkpoint.guidance_for(steps) if request.guidance is None else request.guidance,
        request=request,
        is_large=is_large(checkpoint.unet),
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
    arguments = asdict(request)
    for name in _LATER:
        if arguments[name] == getattr(PaintRequest, name):
            del arguments[name]
    return Recipe(
        command=command,
        arguments={**arguments, **settled},
        model=checkpoint.recipe_facts,
        input=dict(inputs or {}),
        versions=versions(),
        threads=torch.get_num_threads(),
    )


def paint_notes(checkpoint: Checkpoint, plan: Plan, prompts: Mapping[str, str]) -> tuple[str, ...]:
    """How the model read prompts, by their names, and what painting had to say."""
    prompts = {**prompts, "negative_prompt": plan.request.negative_prompt}
    notes: list[str] = []
    avoided: list[str] = []
    for name, said in prompts.items():
        words = plain_words(said)
        read = read_wording(words, checkpoint.traits)
        if read.text != words:
            without = f", without {', '.join(read.unwanted)}" if read.unwanted else ""
            notes.append(f"{name}: read as {read.text!r}{without}")
        if (n_parts := n_chunks(checkpoint, read.text)) > 1:
            notes.append(f"{name}: so long that the model reads it in {n_parts} parts")
        avoided += [words] if name.endswith("negative_prompt") else read.unwanted
    if plan.guidance == 1 and any(avoided):
        notes.append(
            f"negative_prompt: {', '.join(filter(None, avoided))!r} can't be kept away at "
            "guidance 1, which a handful of steps may have by default; give --guidance 3"
        )
    return (*notes, *plan.remarks)
