"""Resolves every default of a request: tempo, key, steps, guidance, and the model's texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riffkit.diffusion.denoise import SamplerConfig
from riffkit.models.compute import is_large
from riffkit.music.plan import Asked, Plan, Texts
from riffkit.music.request import PaintRequest
from riffkit.music.session import Session
from riffkit.music.source import Source
from riffkit.prompt.key import semitones_to_key
from riffkit.prompt.prompt import choose_bpm, choose_key, negative_text, painted_text
from riffkit.spectrogram.beat_grid import BeatGrid


def make_plan(
    session: Session,
    request: PaintRequest,
    asked: Sequence[Asked],
    *,
    n_beats: int,
    bpm: float | None = None,
    key: str | None = None,
    guidance: float | None = None,
    transpose: float | None = None,
    decided_by: str | None = None,
    resolved: Mapping[str, Any] | None = None,
) -> Plan:
    """Tempo, key, steps and guidance are those given here, else the request's, else those of a
    prompt (the first of `asked`, or `decided_by`), its style or the model. `resolved` is stored in
    the recipe too.
    """
    traits, pipeline = session.pipeline.traits, session.pipeline
    prompts = [session.read(one.prompt) for one in asked]
    avoided = [session.read(one.negative_prompt) for one in asked]
    first = session.read(asked[0].prompt if decided_by is None else decided_by)
    grid = BeatGrid(choose_bpm(first, traits, bpm=_either(bpm, request.bpm)), n_beats)
    musical_key = choose_key(first, traits, key=_either(key, request.key), seed=request.seed)
    steps = traits.default_steps if request.steps is None else request.steps
    guidance = _either(guidance, request.guidance)
    if guidance is None:
        guidance = pipeline.guidance_for(steps)
    if transpose is None:
        transpose = float(semitones_to_key(musical_key, traits))
    texts = tuple(
        Texts(
            painted_text(prompt, musical_key, grid.bpm, traits),
            negative_text(negative, prompt, musical_key, traits),
        )
        for prompt, negative in zip(prompts, avoided, strict=True)
    )
    return Plan(
        grid=grid,
        key=musical_key,
        beats_per_bar=request.beats_per_bar,
        denoising=SamplerConfig(
            steps,
            guidance,
            sampler=request.sampler,
            guidance_interval=request.interval,
            deep_cache=request.deep_cache,
            skip_kept=is_large(pipeline.unet),
        ),
        transpose=transpose,
        texts=texts,
        read=tuple(
            dict.fromkeys(
                [
                    *((one.name, prompt) for one, prompt in zip(asked, prompts, strict=True)),
                    *(
                        (one.negative_name, negative)
                        for one, negative in zip(asked, avoided, strict=True)
                        if negative.words
                    ),
                ]
            )
        ),
        resolved={
            "bpm": grid.bpm,
            "key": None if musical_key is None or not musical_key.mode else musical_key.name,
            "steps": steps,
            "guidance": guidance,
            **(resolved or {}),
        },
    )


def plan_for_source(session: Session, request: PaintRequest, source: Source, prompt: str) -> Plan:
    """A plan with the source's tempo, key and length, and the request's steps and guidance.

    The recipe stores the prompt.
    """
    return make_plan(
        session,
        request,
        [Asked(prompt, request.negative_prompt)],
        n_beats=source.grid.n_beats,
        bpm=source.grid.bpm,
        key=source.key_name,
        resolved={"prompt": prompt},
    )


def _either(first: Any, second: Any) -> Any:
    return second if first is None else first
