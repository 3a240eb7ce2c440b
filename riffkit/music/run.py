"""Runs a task: the shared steps of every painting command.

open the inputs → plan (read the prompts, make every choice) → paint → decode → finish
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from riffkit.music.clip import Clip
from riffkit.music.finish import Band, Painted, Picture, finish
from riffkit.music.plan import Plan, Texts
from riffkit.music.session import Session
from riffkit.music.stems import stems_to_mix
from riffkit.music.task import Call, Opened, Task
from riffkit.provenance.recipe import Recipe, versions
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.vocoder.decode import decode

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A call with its files opened and its plan made."""

    call: Call[Any]
    opened: Opened
    plan: Plan
    recipe: Recipe

    @property
    def recipes(self) -> list[Recipe]:
        """The recipes of its clips, in order."""
        if self.call.task.count is None:
            return [self.recipe]
        n_clips = self.call.task.n_clips(self.call.request)
        return [self.recipe.with_arguments({"index": k}) for k in range(n_clips)]

    @property
    def title(self) -> str:
        """For players; of the recipe's names of files, which may have others now."""
        names = {name: one.get("name") or one["seed"] for name, one in self.recipe.inputs.items()}
        return self.call.task.title(self.call.request, names)

    def as_recorded(self, recipe: Recipe) -> Prepared:
        """The same call with the texts, files and model as recorded in a recipe.

        The recorded texts are used, however prompts are read now. Files and LoRAs have the same
        hashes, but may be renamed.
        """
        plan, texts = self.plan, self.recipe.texts
        if len(recipe.texts) == len(texts):
            texts = recipe.texts
            plan = replace(plan, texts=tuple(Texts.from_dict(one) for one in texts))
        facts = {**self.recipe.model}
        if "loras" in recipe.model:
            facts["loras"] = recipe.model["loras"]
        return replace(
            self,
            plan=plan,
            recipe=replace(self.recipe, inputs=recipe.inputs, texts=texts, model=facts),
        )


def prepare(session: Session, call: Call[Any], opened: Opened | None = None) -> Prepared:
    """Open the files and make the plan, without painting.

    `opened` may be the files of a call that differs only in its seed. Raises RiffkitError for a
    problem with the request or a file.
    """
    task = call.task
    opened = dict(opened or {})
    for one in task.inputs:
        if one.open is not None and one.name in call.inputs and one.name not in opened:
            opened[one.name] = one.open(session, call.inputs[one.name], call.request, opened)
    plan = task.plan(session, call.request, opened)
    _log.debug("%s: %s", task.name, plan.resolved)
    recipe = Recipe(
        command=task.name,
        arguments={**asdict(call.request), **plan.resolved},
        model=session.pipeline.recipe_facts,
        inputs={name: dict(one.identity) for name, one in opened.items()},
        texts=[texts.to_dict() for texts in plan.texts],
        score=None if plan.score is None else plan.score.to_dict(),
        versions=versions(),
        threads=torch.get_num_threads(),
    )
    return Prepared(call, opened, plan, recipe)


def perform(session: Session, prepared: Prepared) -> list[Clip]:
    """Paint a prepared call, and decode it to clips."""
    task, request = prepared.call.task, prepared.call.request
    begin = time.perf_counter()
    paintings = task.paint(session, prepared.plan, request, prepared.opened)
    _log.debug("%s: painted %d in %.2f s", task.name, len(paintings), time.perf_counter() - begin)
    heard = [line for one in prepared.opened.values() for line in one.remarks]
    notes = tuple(dict.fromkeys((*session.pipeline.notes, *heard, *session.notes(prepared.plan))))
    recipes = prepared.recipes
    return [
        _clip(session, prepared, painted, recipe, notes if index == 0 else ())
        for index, (painted, recipe) in enumerate(zip(paintings, recipes, strict=True))
    ]


def _clip(
    session: Session, prepared: Prepared, painted: Painted, recipe: Recipe, notes: tuple[str, ...]
) -> Clip:
    request = prepared.call.request
    begin = time.perf_counter()
    image, stems, pictures = painted.image, dict[str, Tensor](), dict[str, Picture]()
    options: dict[str, Any] = {
        "vocoder": request.vocoder,
        "quality": request.quality,
        "seed": painted.seed,
        "circular": painted.loop,
        "device": str(session.pipeline.device),
    }
    if isinstance(image, Band):
        pictures = dict(zip(image.names, image.pictures, strict=True))
        images = [one.image for one in image.pictures]
        mixed = stems_to_mix(
            images, image.score, names=image.names, ducked_by=image.ducked_by, **options
        )
        stems = {name: torch.from_numpy(stem) for name, stem in mixed.stems.items()}
        waveform = torch.from_numpy(mixed.waveform)
        image = _image_like(images[0], waveform)
    elif painted.sound is not None:
        waveform = painted.sound
    else:
        waveform = decode(image, known=painted.known, **options)
    _log.debug("decoded by %s in %.2f s", request.vocoder, time.perf_counter() - begin)
    if painted.join is not None:
        waveform = painted.join(waveform)
    if painted.measure is not None:
        notes = (*notes, *painted.measure(waveform))
    return finish(
        waveform,
        image,
        recipe,
        painted.ending,
        circular=painted.loop,
        loudness=request.loudness,
        title=prepared.title,
        notes=notes,
        stems=stems,
        pictures=pictures,
    )


def _image_like(one: SpectrogramImage, waveform: Tensor) -> SpectrogramImage:
    """The image of a sound, laid out as another is; like those that are painted, of no level."""
    rate = one.params.sample_rate
    drawn = waveform_to_image(waveform, rate, one.params, grid=one.grid, transpose=one.transpose)
    return replace(drawn, max_value=None)


def run(
    session: Session, task: Task[Any], request: Any, inputs: Mapping[str, Any] | None = None
) -> list[Clip]:
    """Run a task on a request and on input files, given by input name; returns its clips.

    The same request, files, model, versions and thread count give the same samples.
    """
    return perform(session, prepare(session, Call(task, request, inputs or {})))
