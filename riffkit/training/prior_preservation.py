"""Prior preservation (Ruiz et al. 2022, arXiv:2208.12242): what the model painted before.

The base model's own pictures of common prompts are trained on beside the dataset's. What is to be
predicted of them is what the base model predicts, as in learning without forgetting (Li & Hoiem
2016, arXiv:1606.09282): the noise that was added teaches the same, with far more chance in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.models.pipeline import Pipeline
from riffkit.music.run import prepare
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.prompt.traits import ModelTraits
from riffkit.score import write_score
from riffkit.score.captions import captions
from riffkit.score.styles import STYLES
from riffkit.tasks.generate import GENERATE, GenerateRequest

DEFAULT_PROMPTS = ("piano", "guitar", "strings", "drums and bass", "electronic music", "singing")
_FEW_STEPS = 4  # what is learned of a picture is what the model predicts there, not how it looks
_FIRST_SEED = 800_000  # of scores that neither training nor `riff eval` takes


def prior_prompts(asked: Sequence[str], traits: ModelTraits, n: int) -> tuple[str, ...]:
    """The given prompts, else captions like the model's own, else some instruments."""
    if not asked and set(traits.style_bpm) & set(STYLES):
        scores = (write_score(seed) for seed in range(_FIRST_SEED, _FIRST_SEED + n))
        return tuple(captions(score.facts, 1, score.facts.seed)[0] for score in scores)
    return tuple(asked) or DEFAULT_PROMPTS


def prior_pictures(
    pipeline: Pipeline,
    prompts: Sequence[str],
    n_images: int,
    cache: Path,
    *,
    on_image: Callable[[int], None] = lambda n: None,
) -> tuple[Float[Tensor, "image channel row column"], list[str]]:
    """Latents (float16) of the base model for the prompts in turn, and each one's caption.

    Models with a few-step LoRA use four steps. The pictures are kept in `cache`, and repainted only
    for another model or other prompts.
    """
    steps = _FEW_STEPS if pipeline.few_steps else None
    stamp = {
        "model": pipeline.fingerprint,
        "prompts": json.dumps([n_images, *prompts]),
        "steps": json.dumps(steps),
    }
    if (found := _read(cache, stamp)) is not None:
        return found
    latents, read = [], []
    for index in range(n_images):
        picture, caption = _paint(pipeline, prompts[index % len(prompts)], index, steps)
        latents.append(picture)
        read.append(caption)
        on_image(index + 1)
    pictures = torch.cat(latents).half()
    with atomic_path(cache) as temporary:
        metadata = {**stamp, "captions": json.dumps(read)}
        save_file({"latents": pictures}, temporary, metadata=metadata)
    return pictures, read


def _paint(pipeline: Pipeline, prompt: str, seed: int, steps: int | None) -> tuple[Tensor, str]:
    """One picture of the model's native width, and the prompt as the model read it."""
    traits = pipeline.traits
    request = GenerateRequest(
        prompt, beats_per_bar=4, seed=seed, steps=steps, loop=traits.bar_cue, free=True
    )
    session = Session(pipeline)
    plan = prepare(session, Call(GENERATE, request, {})).plan
    canvas = session.canvas(plan, loop=request.loop)
    (asked,) = session.conditionings(plan)
    noise = session.noise(canvas, seed)
    latents = session.paint(plan, canvas, [lambda bar: asked], noise, seed=seed)
    read = plan.texts[0].prompt.text
    return latents.cpu().clone(), read


def _read(path: Path, stamp: dict[str, str]) -> tuple[Tensor, list[str]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if {name: metadata.get(name) for name in stamp} != stamp:
                return None
            return file.get_tensor("latents"), json.loads(metadata["captions"])
    except (OSError, SafetensorError):
        return None
