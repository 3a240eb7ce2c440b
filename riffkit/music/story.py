"""Long music through keyframes, and loops through prompts: one latent image, painted at once."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from riffkit.diffusion.checkpoint import Checkpoint
from riffkit.diffusion.denoise import Known, OnStep, check_guidance
from riffkit.diffusion.emphasis import check_emphasis
from riffkit.diffusion.latents import latents_to_pixels
from riffkit.diffusion.prompts import check_prompt
from riffkit.errors import ParameterError
from riffkit.music.canvas import Canvas
from riffkit.music.clip import Clip, clip_from_image
from riffkit.music.generate import with_ends
from riffkit.music.request import (
    PaintRequest,
    Plan,
    check_bars,
    check_strength,
    paint_notes,
    recipe_of,
    settle,
)
from riffkit.music.theme import Theme, seed_names
from riffkit.music.timeline import EASINGS, Keyframe, Timeline
from riffkit.spectrogram.image import SpectrogramImage

BARS_PER_PROMPT = 4
_TAIL_BARS = 4  # of a story that doesn't say how long it is, behind the last keyframe


@dataclass(frozen=True)
class StoryRequest(PaintRequest):
    """A piece of `bars` bars. With `loop` its end leads into its beginning.

    The noise is a phrase of `phrase_bars`, again and again, so the music keeps its shape while
    prompts and seeds change it: more bars, more variety.
    """

    keyframes: tuple[Keyframe, ...]
    bars: int
    loop: bool = False
    phrase_bars: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bars(self.bars)
        if not self.keyframes:
            raise ParameterError("keyframes: none; give at least one, with a prompt")
        if not 1 <= self.phrase_bars <= self.bars:
            raise ParameterError(f"phrase_bars={self.phrase_bars}: must lie from 1 to {self.bars}")
        for frame in self.keyframes:
            check_prompt(frame.prompt)
            check_emphasis(frame.negative_prompt)
            check_strength(frame.strength)
            if frame.guidance is not None:
                check_guidance(frame.guidance)
            if frame.easing not in EASINGS:
                raise ParameterError(f"easing={frame.easing!r}: must be {', '.join(EASINGS)}")
        _ = self.timeline

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.keyframes, self.bars, closed=self.loop)

    @classmethod
    def from_arguments(cls, values: Mapping[str, Any]) -> StoryRequest:
        """From plain values, as a recipe or a script holds them; unknown names are refused."""
        _check_names(values, cls, "script")
        frames = values.get("keyframes", ())
        for frame in frames:
            _check_names(frame, Keyframe, "keyframe")
            if not {"bar", "prompt"} <= set(frame):
                raise ParameterError("keyframe: needs a bar and a prompt")
        try:
            keyframes = tuple(Keyframe(**_with_floats(frame, Keyframe)) for frame in frames)
            return cls(**{**_with_floats(values, cls), "keyframes": keyframes})
        except (TypeError, ValueError, AttributeError) as error:
            raise ParameterError(f"script: a value is of the wrong kind ({error})") from error


@dataclass(frozen=True)
class LoopRequest(PaintRequest):
    """A loop through prompts and back to the first, each as long on the way as the others.

    `bars`: 4 a prompt if not given. `strength`: how far from the theme, where there is one.
    """

    prompts: tuple[str, ...]
    bars: int | None = None
    strength: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        check_strength(self.strength)
        if not self.prompts:
            raise ParameterError("prompts: none; give at least one")
        if self.bars is not None:
            check_bars(self.bars)
        if self.bars is not None and self.bars < len(self.prompts):
            raise ParameterError(
                f"bars={self.bars}: {len(self.prompts)} prompts need at least as many bars"
            )

    def as_story(self) -> StoryRequest:
        bars = self.bars or BARS_PER_PROMPT * len(self.prompts)
        frames = tuple(
            Keyframe(k * bars / len(self.prompts), prompt, strength=self.strength)
            for k, prompt in enumerate(self.prompts)
        )
        shared = {field.name: getattr(self, field.name) for field in fields(PaintRequest)}
        return StoryRequest(
            keyframes=frames, bars=bars, loop=True, phrase_bars=min(2, bars), **shared
        )


def loop(
    checkpoint: Checkpoint,
    request: LoopRequest,
    *,
    theme: Theme | None = None,
    on_step: OnStep | None = None,
) -> Clip:
    """A looping interpolation through prompts, exact to the sample, without a seam."""
    return _tell(checkpoint, "loop", request, request.as_story(), theme, on_step)


def story(
    checkpoint: Checkpoint,
    request: StoryRequest,
    *,
    theme: Theme | None = None,
    on_step: OnStep | None = None,
) -> Clip:
    """Music through keyframes. `theme` comes again and again, as far as their strength lets it."""
    return _tell(checkpoint, "story", request, request, theme, on_step)


def _tell(
    checkpoint: Checkpoint,
    command: str,
    request: PaintRequest,
    told: StoryRequest,
    theme: Theme | None,
    on_step: OnStep | None,
) -> Clip:
    plan = story_plan(checkpoint, told, theme)
    settled = {**plan.arguments(), "bars": plan.bars}
    inputs = {} if theme is None else theme.recipe_input
    clip = clip_from_image(
        _paint(checkpoint, told, plan, theme, on_step),
        recipe_of(checkpoint, command, request, settled, inputs=inputs),
        vocoder=told.vocoder,
        quality=told.quality,
        seed=told.seed,
        circular=told.loop,
        device=str(checkpoint.device),
        notes=_notes(checkpoint, told, plan, theme),
    )
    return clip if told.loop else with_ends(clip)


def story_plan(checkpoint: Checkpoint, request: StoryRequest, theme: Theme | None = None) -> Plan:
    """Tempo and key: as requested, else the theme's, else as the first keyframe says."""
    if theme is not None:
        bpm = theme.bpm if request.bpm is None else request.bpm
        key = request.key or (theme.key.name if theme.key and theme.key.mode else None)
        request = replace(request, bpm=bpm, key=key)
    if request.guidance is None and any(f.guidance not in (None, 1) for f in request.keyframes):
        # where one keyframe is guided, all are painted by the network that can be
        request = replace(request, guidance=checkpoint.traits.default_guidance)
    n_beats = request.bars * request.beats_per_bar
    return settle(request, checkpoint, prompt=request.keyframes[0].prompt, n_beats=n_beats)


def _paint(
    checkpoint: Checkpoint,
    request: StoryRequest,
    plan: Plan,
    theme: Theme | None,
    on_step: OnStep | None,
) -> SpectrogramImage:
    canvas, timeline = plan.canvas(checkpoint, loop=request.loop), request.timeline
    directions = [
        plan.direction(
            checkpoint,
            frame.prompt,
            frame.negative_prompt or request.negative_prompt,
            guidance=plan.guidance if frame.guidance is None else frame.guidance,
        )
        for frame in request.keyframes
    ]
    latents = canvas.paint(
        [timeline.script(directions)],
        timeline.noise(canvas, seed=request.seed, phrase_bars=request.phrase_bars),
        plan.how(),
        known=None if theme is None else _known(theme, canvas, timeline),
        seed=request.seed,
        on_step=on_step,
    )
    pixels = latents_to_pixels(checkpoint, latents, circular=canvas.circular)
    transpose = plan.transpose(checkpoint)
    if theme is not None:
        transpose = theme.transpose
    return SpectrogramImage(
        pixels[:, : plan.grid.n_frames], checkpoint.params, grid=plan.grid, transpose=transpose
    )


def _known(theme: Theme, canvas: Canvas, timeline: Timeline) -> Known:
    """The theme's latents over and over, free as far as the keyframes' strength says."""
    columns = torch.arange(canvas.n_columns) % theme.latents.shape[-1]
    free = timeline.strengths(canvas)[None, None, None]
    return Known(latents=theme.latents[..., columns], free=free)


def _notes(
    checkpoint: Checkpoint, request: StoryRequest, plan: Plan, theme: Theme | None
) -> tuple[str, ...]:
    prompts = {f"bar {frame.bar:g}": frame.prompt for frame in request.keyframes}
    prompts |= {
        f"bar {frame.bar:g} negative_prompt": frame.negative_prompt
        for frame in request.keyframes
        if frame.negative_prompt
    }
    return (*(() if theme is None else theme.notes), *paint_notes(checkpoint, plan, prompts))


@dataclass(frozen=True)
class Script:
    """A story's script: the request, and its theme, if it has one: a file, or a bundled seed."""

    request: StoryRequest
    theme: str | None


def read_script(path: Path) -> Script:
    """A TOML file: the request's fields, `theme`, and a [[keyframe]] for each keyframe.

    Without `bars` the piece ends four bars behind its last keyframe, or where a loop's keyframes
    would come round evenly.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"script={path.name!r}: can't be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"script={path.name!r}: not TOML ({error})") from error
    frames = values.pop("keyframe", [])
    theme = values.pop("theme", None)
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise ParameterError("keyframe: write each under a line [[keyframe]]")
    if "keyframes" in values:
        raise ParameterError("script: 'keyframes' is not known; write [[keyframe]]")
    numbers = [f.get("bar") for f in frames]
    if "bars" not in values and all(isinstance(bar, int | float) for bar in numbers) and numbers:
        values["bars"] = math.ceil(max(numbers)) + _TAIL_BARS
    if "bars" not in values:
        raise ParameterError("script: needs bars, or keyframes with a bar each")
    request = StoryRequest.from_arguments({**values, "keyframes": frames})
    if theme is not None and theme not in seed_names():
        theme = str(path.parent / str(theme))
    return Script(request, theme)


def _with_floats(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Whole numbers where the field wants a float: TOML's 4 is a good bar or tempo."""
    floats = {f.name for f in fields(kind) if "float" in str(f.type)}
    return {
        name: float(value) if name in floats and value is not None else value
        for name, value in values.items()
    }


def _check_names(values: Mapping[str, Any], kind: type, what: str) -> None:
    names = [field.name for field in fields(kind)]
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"
            raise ParameterError(f"{what}: {name!r} is not known{hint}")
