"""A prompt becomes a clip: the one path of the project, from noise to sound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep
from riffkit.diffusion.emphasis import plain_words
from riffkit.diffusion.latents import draw_noise, latents_to_pixels, pixels_to_latents
from riffkit.diffusion.prompts import check_prompt
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.mask import mask_to_cells
from riffkit.music.melody import Melody, likeness
from riffkit.music.request import (
    PaintRequest,
    Plan,
    check_bars,
    check_strength,
    paint_notes,
    recipe_of,
    settle,
)
from riffkit.music.tempo import choose_bpm
from riffkit.recipe import Recipe
from riffkit.spectrogram.beat_grid import MAX_BARS
from riffkit.spectrogram.image import SpectrogramImage

_FADE_SECONDS = 0.005
_MELODY_REACH = 4.0  # a quarter as dark as the darkest cell is melody too


@dataclass(frozen=True)
class GenerateRequest(PaintRequest):
    """What `generate` is asked for.

    `duration` in seconds instead of `bars` (2 if neither is given): the music is made in whole
    bars, and cut to it (with `loop`, rounded to whole bars instead). `melody_strength`, with a
    melody: how free the music is of it, from 0 to 1.
    """

    prompt: str
    bars: int | None = None
    duration: float | None = None
    loop: bool = False
    melody_strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)
        check_strength(self.melody_strength)
        if self.bars is not None and self.duration is not None:
            raise ParameterError("bars and duration: give one of them, not both")
        if self.bars is not None:
            check_bars(self.bars)
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ParameterError(f"duration={self.duration:g}: must be above 0 seconds")


def plan_for(
    request: GenerateRequest, checkpoint: Checkpoint, melody: Melody | None = None
) -> Plan:
    """Tempo, length, key, steps and guidance: as requested, else as prompt, style or model say.

    Tempo, length and key are the melody's, where there is one.
    """
    if melody is not None:
        request = _as_melody(request, melody)
    bpm = choose_bpm(plain_words(request.prompt), checkpoint.traits, bpm=request.bpm)
    bars = request.bars or _bars_for(request, bpm)
    n_beats = bars * request.beats_per_bar
    return settle(request, checkpoint, prompt=request.prompt, n_beats=n_beats)


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
    checkpoint: Checkpoint,
    request: GenerateRequest,
    *,
    melody: Melody | None = None,
    on_step: OnStep | None = None,
) -> Clip:
    """Make one clip. The same request, model, versions and thread count give the same bytes."""
    plan = plan_for(request, checkpoint, melody)
    clip = clip_from_image(
        paint(checkpoint, request, plan, melody=melody, on_step=on_step),
        recipe_for(checkpoint, request, plan, melody),
        vocoder=request.vocoder,
        quality=request.quality,
        seed=request.seed,
        circular=request.loop,
        device=str(checkpoint.device),
        notes=_notes(checkpoint, request, plan),
    )
    if melody is not None:
        sung = likeness(clip.waveform, clip.sample_rate, melody, plan.grid)
        remark = f"melody: {sung:.2f} of its pitch classes are heard (1 is all, 0 none)"
        clip = replace(clip, notes=(*melody.remarks, *clip.notes, remark))
    return clip if request.loop else with_ends(clip, duration=request.duration)


def recipe_for(
    checkpoint: Checkpoint, request: GenerateRequest, plan: Plan, melody: Melody | None = None
) -> Recipe:
    """The recipe of the clip that `generate` makes."""
    # with a duration the bars follow from it, and stay open
    settled = {**plan.arguments(), "bars": plan.bars if request.duration is None else None}
    inputs = {} if melody is None else melody.recipe_input
    return recipe_of(checkpoint, "generate", request, settled, inputs=inputs)


def _as_melody(request: GenerateRequest, melody: Melody) -> GenerateRequest:
    bars = request.bars
    if bars is None and request.duration is None:
        bars = melody.n_beats // request.beats_per_bar
    bpm = melody.bpm if request.bpm is None else request.bpm
    return replace(request, bpm=bpm, key=request.key or melody.key, bars=bars)


def paint(
    checkpoint: Checkpoint,
    request: GenerateRequest,
    plan: Plan,
    *,
    melody: Melody | None = None,
    on_step: OnStep | None = None,
) -> SpectrogramImage:
    """The image of what is asked for, without sound."""
    canvas = plan.canvas(checkpoint, loop=request.loop)
    noise = draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed)
    asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
    latents = canvas.paint(
        [lambda bar: asked],
        noise,
        plan.how(),
        known=None if melody is None else _sung(checkpoint, request, plan, melody),
        seed=request.seed,
        on_step=on_step,
    )
    pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    return SpectrogramImage(
        pixels[:, : plan.grid.n_frames],
        checkpoint.params,
        grid=plan.grid,
        transpose=plan.transpose(checkpoint),
    )


def _sung(checkpoint: Checkpoint, request: GenerateRequest, plan: Plan, melody: Melody) -> Known:
    """The melody's image; where it sounds the music is as free as asked, elsewhere wholly."""
    image = melody.image(plan.grid, checkpoint.params, transpose=plan.transpose(checkpoint))
    latents = pixels_to_latents(checkpoint, image.pixels, circular=True)
    sounding = mask_to_cells(1 - image.pixels.mean(-1) / 255, checkpoint.stride)
    sounding = (sounding / sounding.max().clamp(min=1e-6) * _MELODY_REACH).clamp(max=1)
    return Known(latents=latents, free=1 - (1 - request.melody_strength) * sounding)


def with_ends(clip: Clip, *, duration: float | None = None) -> Clip:
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
    notes = paint_notes(checkpoint, plan, {"prompt": request.prompt})
    if request.loop and request.duration is not None:
        notes += (f"duration: a loop is whole bars, so {plan.grid.seconds:.2f} s",)
    return notes
