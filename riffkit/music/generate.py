"""A prompt becomes a clip: the one path of the project, from noise to sound."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Denoising, OnStep
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.diffusion.prompts import check_prompt, encode_prompts, n_tokens_cut
from riffkit.errors import ParameterError
from riffkit.music.canvas import MAX_BARS, Canvas, Direction
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.key import MusicalKey, choose_key, parse_key, semitones_to_key, with_key
from riffkit.music.languages import as_model_reads
from riffkit.music.tempo import choose_bpm, with_tempo
from riffkit.recipe import Recipe, versions
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.base import Quality

_FADE_SECONDS = 0.005


@dataclass(frozen=True)
class GenerateRequest:
    """What `generate` is asked for; None leaves the choice to the prompt or the model.

    `duration` in seconds instead of `bars`: the music is made in whole bars, and cut to it
    (with `loop`, rounded to whole bars instead). `key` is such as "A minor".
    """

    prompt: str
    negative_prompt: str = ""
    bars: int | None = None
    bpm: float | None = None
    duration: float | None = None
    key: str | None = None
    beats_per_bar: int = 4
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    loop: bool = False
    vocoder: str = "griffin-lim"
    quality: Quality = "default"

    def __post_init__(self) -> None:
        check_prompt(self.prompt)
        if self.bars is not None and self.duration is not None:
            raise ParameterError("bars and duration: give one of them, not both")
        if self.bars is not None and not 1 <= self.bars <= MAX_BARS:
            raise ParameterError(f"bars={self.bars}: must lie from 1 to {MAX_BARS}")
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ParameterError(f"duration={self.duration:g}: must be above 0 seconds")
        if self.key is not None:
            parse_key(self.key)
        if not 2 <= self.beats_per_bar <= 12:
            raise ParameterError(f"beats_per_bar={self.beats_per_bar}: must lie from 2 to 12")
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed={self.seed}: must lie from 0 to 2^63 - 1")


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


def plan_for(request: GenerateRequest, checkpoint: Checkpoint) -> Plan:
    """Tempo, length, key, steps and guidance: as requested, else as prompt, style or model say."""
    traits = checkpoint.traits
    bpm = choose_bpm(request.prompt, traits, bpm=request.bpm)
    bars = request.bars or _bars_for(request, bpm)
    steps = traits.default_steps if request.steps is None else request.steps
    return Plan(
        grid=BeatGrid(bpm, bars * request.beats_per_bar),
        key=choose_key(request.prompt, traits, key=request.key, seed=request.seed),
        beats_per_bar=request.beats_per_bar,
        steps=steps,
        guidance=checkpoint.guidance_for(steps) if request.guidance is None else request.guidance,
    )


def _bars_for(request: GenerateRequest, bpm: float) -> int:
    if request.duration is None:
        return 2
    bars = request.duration * bpm / 60 / request.beats_per_bar
    whole = max(1, round(bars) if request.loop else math.ceil(bars - 1e-9))
    if whole > MAX_BARS:
        raise ParameterError(
            f"duration={request.duration:g}: {whole} bars at {bpm:g} BPM; at most {MAX_BARS}"
        )
    return whole


def generate(
    checkpoint: Checkpoint, request: GenerateRequest, *, on_step: OnStep | None = None
) -> Clip:
    """Make one clip. The same request, model, versions and thread count give the same bytes."""
    plan = plan_for(request, checkpoint)
    clip = clip_from_image(
        _paint(checkpoint, request, plan, on_step),
        recipe_of(checkpoint, "generate", _arguments(request, plan)),
        vocoder=request.vocoder,
        quality=request.quality,
        seed=request.seed,
        circular=request.loop,
        device=str(checkpoint.device),
        notes=_notes(checkpoint, request, plan),
    )
    return clip if request.loop else _with_ends(clip, request.duration)


def recipe_of(checkpoint: Checkpoint, command: str, arguments: dict[str, Any]) -> Recipe:
    return Recipe(
        command=command,
        arguments=arguments,
        model={"name": checkpoint.name, "fingerprint": checkpoint.fingerprint},
        versions=versions(),
        threads=torch.get_num_threads(),
    )


def _arguments(request: GenerateRequest, plan: Plan) -> dict[str, Any]:
    """What the recipe keeps. With a duration the bars follow from it, and stay open."""
    return {
        **asdict(request),
        "bpm": plan.grid.bpm,
        "bars": plan.bars if request.duration is None else None,
        "key": None if plan.key is None or not plan.key.mode else plan.key.name,
        "steps": plan.steps,
        "guidance": plan.guidance,
    }


def _paint(
    checkpoint: Checkpoint, request: GenerateRequest, plan: Plan, on_step: OnStep | None
) -> SpectrogramImage:
    canvas = Canvas(plan.grid, plan.beats_per_bar, request.loop, checkpoint)
    noise = draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed)
    traits = checkpoint.traits
    prompt = with_tempo(with_key(request.prompt, plan.key, traits), plan.grid.bpm, traits)
    negative_prompt = as_model_reads(request.negative_prompt, traits)
    asked = Direction(*encode_prompts(checkpoint, [prompt, negative_prompt]).split(1))
    how = Denoising(plan.steps, plan.guidance)
    latents = canvas.paint([lambda bar: asked], noise, how, seed=request.seed, on_step=on_step)
    pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    transpose = float(semitones_to_key(plan.key, traits))
    return SpectrogramImage(
        pixels[:, : plan.grid.n_frames], checkpoint.params, grid=plan.grid, transpose=transpose
    )


def _with_ends(clip: Clip, duration: float | None) -> Clip:
    """Cut to the duration, and let the first and last milliseconds rise from and fall to 0."""
    n_samples = clip.waveform.shape[-1]
    if duration is not None:
        n_samples = min(n_samples, round(duration * clip.sample_rate))
    waveform = clip.waveform[:, :n_samples].clone()
    n_fade = min(n_samples // 2, round(_FADE_SECONDS * clip.sample_rate))
    if n_fade:
        rising = torch.linspace(0, math.pi / 2, n_fade).sin().square()
        waveform[:, :n_fade] *= rising
        waveform[:, -n_fade:] *= rising.flip(0)
    return replace(clip, waveform=waveform)


def _notes(checkpoint: Checkpoint, request: GenerateRequest, plan: Plan) -> tuple[str, ...]:
    notes = []
    for name in ("prompt", "negative_prompt"):
        said = getattr(request, name)
        if (read := as_model_reads(said, checkpoint.traits)) != said:
            notes.append(f"{name}: read as {read!r}")
        if n_cut := n_tokens_cut(checkpoint, getattr(request, name)):
            notes.append(f"{name}: longer than the model reads; the last {n_cut} tokens are cut")
    if request.loop and request.duration is not None:
        notes.append(f"duration: a loop is whole bars, so {plan.grid.seconds:.2f} s")
    return tuple(notes)
