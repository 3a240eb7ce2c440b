"""A prompt becomes a clip: the one path of the project, from noise to sound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from riffkit.audio.crossfade import equal_power_gains
from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import OnStep
from riffkit.diffusion.latents import draw_noise, latents_to_pixels
from riffkit.diffusion.prompts import check_prompt
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.request import (
    MAX_BARS,
    PaintRequest,
    Plan,
    check_bars,
    prompt_notes,
    recipe_of,
    settle,
)
from riffkit.music.tempo import choose_bpm
from riffkit.spectrogram.image import SpectrogramImage

_FADE_SECONDS = 0.005


@dataclass(frozen=True)
class GenerateRequest(PaintRequest):
    """What `generate` is asked for.

    `duration` in seconds instead of `bars` (2 if neither is given): the music is made in whole
    bars, and cut to it (with `loop`, rounded to whole bars instead).
    """

    prompt: str
    bars: int | None = None
    duration: float | None = None
    loop: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompt(self.prompt)
        if self.bars is not None and self.duration is not None:
            raise ParameterError("bars and duration: give one of them, not both")
        if self.bars is not None:
            check_bars(self.bars)
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ParameterError(f"duration={self.duration:g}: must be above 0 seconds")


def plan_for(request: GenerateRequest, checkpoint: Checkpoint) -> Plan:
    """Tempo, length, key, steps and guidance: as requested, else as prompt, style or model say."""
    bpm = choose_bpm(request.prompt, checkpoint.traits, bpm=request.bpm)
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
    checkpoint: Checkpoint, request: GenerateRequest, *, on_step: OnStep | None = None
) -> Clip:
    """Make one clip. The same request, model, versions and thread count give the same bytes."""
    plan = plan_for(request, checkpoint)
    # with a duration the bars follow from it, and stay open
    settled = {**plan.arguments(), "bars": plan.bars if request.duration is None else None}
    clip = clip_from_image(
        paint(checkpoint, request, plan, on_step),
        recipe_of(checkpoint, "generate", request, settled),
        vocoder=request.vocoder,
        quality=request.quality,
        seed=request.seed,
        circular=request.loop,
        device=str(checkpoint.device),
        notes=_notes(checkpoint, request, plan),
    )
    return clip if request.loop else with_ends(clip, duration=request.duration)


def paint(
    checkpoint: Checkpoint,
    request: GenerateRequest,
    plan: Plan,
    on_step: OnStep | None = None,
) -> SpectrogramImage:
    """The image of what is asked for, without sound."""
    canvas = plan.canvas(checkpoint, loop=request.loop)
    noise = draw_noise(checkpoint, n_columns=canvas.n_columns, seed=request.seed)
    asked = plan.direction(checkpoint, request.prompt, request.negative_prompt)
    latents = canvas.paint(
        [lambda bar: asked], noise, plan.how(), seed=request.seed, on_step=on_step
    )
    pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    return SpectrogramImage(
        pixels[:, : plan.grid.n_frames],
        checkpoint.params,
        grid=plan.grid,
        transpose=plan.transpose(checkpoint),
    )


def with_ends(clip: Clip, *, duration: float | None = None) -> Clip:
    """Cut to the duration, and let the first and last milliseconds rise from and fall to 0."""
    n_samples = clip.waveform.shape[-1]
    if duration is not None:
        n_samples = min(n_samples, round(duration * clip.sample_rate))
    waveform = clip.waveform[:, :n_samples].clone()
    n_fade = min(n_samples // 2, round(_FADE_SECONDS * clip.sample_rate))
    if n_fade:
        fade_in, fade_out = equal_power_gains(n_fade)
        waveform[:, :n_fade] *= fade_in.square()
        waveform[:, -n_fade:] *= fade_out.square()
    return replace(clip, waveform=waveform)


def _notes(checkpoint: Checkpoint, request: GenerateRequest, plan: Plan) -> tuple[str, ...]:
    notes = prompt_notes(
        checkpoint, {"prompt": request.prompt, "negative_prompt": request.negative_prompt}
    )
    if request.loop and request.duration is not None:
        notes += (f"duration: a loop is whole bars, so {plan.grid.seconds:.2f} s",)
    return notes
