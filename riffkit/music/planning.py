"""Resolves every default of a request: tempo, key, steps, guidance, and the model's texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from riffkit.diffusion.denoise import SamplerConfig
from riffkit.limits import bpm_text
from riffkit.models.compute import is_large
from riffkit.models.distilled import GUIDED_STEPS
from riffkit.music.plan import Asked, Plan, Texts
from riffkit.music.request import PaintRequest
from riffkit.music.session import Session
from riffkit.music.source import Source
from riffkit.prompt.key import semitones_to_key
from riffkit.prompt.prompt import choose_bpm, choose_key, choose_metre, negative_text, painted_text
from riffkit.spectrogram.beat_grid import BeatGrid

_SAME_BPM = 1.0  # a clip's tempo is measured
_DECODE = "; `riff decode` can play the result's image at another tempo or pitch"


def make_plan(
    session: Session,
    request: PaintRequest,
    asked: Sequence[Asked],
    *,
    bars: int,
    beats_per_bar: int | None = None,
    bpm: float | None = None,
    key: str | None = None,
    guidance: float | None = None,
    transpose: float | None = None,
    decided_by: str | None = None,
    owner: str = "first prompt",
    resolved: Mapping[str, Any] | None = None,
) -> Plan:
    """Metre, tempo, key, steps and guidance are those given here, else the request's, else of a
    prompt (the first of `asked`, or `decided_by`), its style or the model. `owner` is what those
    given here are of, for notes; `resolved` is stored in the recipe too.
    """
    traits, pipeline = session.pipeline.traits, session.pipeline
    prompts = [session.read(one.prompt) for one in asked]
    avoided = [session.read(one.negative_prompt) for one in asked]
    first = session.read(asked[0].prompt if decided_by is None else decided_by)
    beats = choose_metre(first, beats_per_bar=_either(beats_per_bar, request.beats_per_bar))
    grid = BeatGrid(choose_bpm(first, traits, bpm=_either(bpm, request.bpm)), bars * beats)
    musical_key = choose_key(first, traits, key=_either(key, request.key), seed=request.seed)
    steps = traits.default_steps if request.steps is None else request.steps
    guidance, guided = _either(guidance, request.guidance), list[str]()
    unwanted = [*(one.words for one in avoided), *(w for one in prompts for w in one.unwanted)]
    if guidance is None:
        guidance = pipeline.guidance_for(steps)
        if guidance == 1 and any(unwanted):
            guidance = traits.default_guidance
            steps = max(steps, GUIDED_STEPS) if request.steps is None else steps
            guided.append(_because_of(unwanted, guidance, steps))
    if transpose is None:
        transpose = float(semitones_to_key(musical_key, traits))
    texts = tuple(
        Texts(
            painted_text(prompt, musical_key, grid.bpm, traits),
            negative_text(negative, prompt, musical_key, traits),
        )
        for prompt, negative in zip(prompts, avoided, strict=True)
    )
    plan = Plan(
        grid=grid,
        key=musical_key,
        beats_per_bar=beats,
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
            "beats_per_bar": beats,
            "key": None if musical_key is None or not musical_key.mode else musical_key.name,
            "steps": steps,
            "guidance": guidance,
            **(resolved or {}),
        },
    )
    return replace(plan, notes=(*guided, *_left_aside(plan, request, owner)))


def plan_for_source(session: Session, request: PaintRequest, source: Source, prompt: str) -> Plan:
    """A plan with the source's bars, tempo and key, and the request's steps and guidance.

    The recipe stores the prompt.
    """
    return make_plan(
        session,
        request,
        [Asked(prompt, request.negative_prompt)],
        bars=source.bars,
        beats_per_bar=source.beats_per_bar,
        bpm=source.grid.bpm,
        key=source.key_name,
        owner="clip",
        resolved={"prompt": prompt},
    )


def _because_of(unwanted: Iterable[str], guidance: float, steps: int) -> str:
    """A note. The few-step network runs unguided, where a negative prompt does nothing."""
    words = ", ".join(filter(None, dict.fromkeys(unwanted)))
    advice = f"; `steps={GUIDED_STEPS}` sounds better with it" if steps < GUIDED_STEPS else ""
    return (
        f"guidance: {guidance:g} at {steps} steps, because of the negative prompt {words!r}{advice}"
    )


def _left_aside(plan: Plan, request: PaintRequest, owner: str) -> Iterator[str]:
    """Notes on a metre, tempo or key that a prompt names and the plan doesn't have as such."""
    bpm, key = plan.grid.bpm, plan.key
    for name, prompt in plan.read:
        if name.endswith("negative_prompt"):
            continue
        metre = prompt.metre if request.beats_per_bar is None else None
        if metre is not None and metre.beats != plan.beats_per_bar:
            yield f"{name}: the {owner}'s {plan.beats_per_bar} beats per bar are kept"
        elif metre is not None and metre.halved:
            yield f"{name}: {metre.remark}"
        if request.bpm is None and prompt.bpm is not None and abs(prompt.bpm - bpm) > _SAME_BPM:
            kept = f"the {owner}'s tempo, {bpm_text(bpm)} BPM, is kept"
            advice = {"clip": _DECODE, "theme": ""}.get(owner, "; set `bpm` to change it")
            yield f"{name}: {bpm_text(prompt.bpm)} BPM isn't used; {kept}{advice}"
        named = prompt.key if request.key is None else None
        if named is not None and key is not None and not named.agrees_with(key):
            kept = f"the {owner}'s key, {key.name}, is kept"
            advice = _DECODE if owner == "clip" else ""
            yield f"{name}: {named.name} isn't used; {kept}{advice}"


def _either(first: Any, second: Any) -> Any:
    return second if first is None else first
