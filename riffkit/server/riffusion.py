"""Riffusion's request for one step of music between two prompts, as riffkit's `interpolate`.

Its fields and their defaults are those of the inference server of riffusion-hobby.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from riffkit.errors import ParameterError, unknown
from riffkit.music.seeds import seed_names
from riffkit.music.values import built
from riffkit.server.references import is_reference
from riffkit.server.schema import Submitted

SEED_IMAGES = {
    "og_beat": "rock",
    "agile": "funk",
    "marim": "ambient",
    "motorway": "house",
    "vibes": "lo-fi-hip-hop",
}
"""Riffusion's seed images, whose files aren't ours, and the bundled seed in the place of each."""
_FROM_NOISE = ""


@dataclass(frozen=True, kw_only=True)
class End:
    """One end: a prompt, the seed of its noise, and how it is painted."""

    prompt: str
    seed: int
    denoising: float = 0.75
    guidance: float | None = None
    negative_prompt: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.denoising <= 1:
            raise ParameterError(f"denoising={self.denoising:g}: must be between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Inference:
    """The whole request. `seed_image_id` None takes the first of Riffusion's, "" starts from noise.

    `num_inference_steps` and `guidance` are the model's own where they aren't given.
    """

    start: End
    end: End
    alpha: float
    num_inference_steps: int | None = None
    seed_image_id: str | None = None
    mask_image_id: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ParameterError(f"alpha={self.alpha:g}: must be between 0 and 1")


def inference_of(body: Mapping[str, Any]) -> Submitted:
    """The job for a request; ParameterError for one that isn't Riffusion's."""
    asked = built(Inference, body, where="run_inference")
    start, end, alpha = asked.start, asked.end, asked.alpha
    request: dict[str, Any] = {
        "first": start.prompt,
        "last": end.prompt,
        "alpha": alpha,
        "seed": start.seed,
        "last_seed": end.seed,
        "negative_prompt": start.negative_prompt,
        "last_negative_prompt": end.negative_prompt,
        "strength": _between(start.denoising, end.denoising, alpha),
        "steps": asked.num_inference_steps,
    }
    if start.guidance is not None and end.guidance is not None:
        request["guidance"] = _between(start.guidance, end.guidance, alpha)
    else:
        request["guidance"] = end.guidance if start.guidance is None else start.guidance
    inputs = {}
    theme = _image(asked.seed_image_id)
    if theme != _FROM_NOISE:
        inputs["theme"] = theme
    if asked.mask_image_id:
        if not is_reference(asked.mask_image_id):
            raise ParameterError(
                f"mask_image_id={asked.mask_image_id!r}: must be upload:ID of a mask that you sent"
            )
        inputs["mask"] = asked.mask_image_id
    return Submitted("interpolate", request, inputs)


def _image(name: str | None) -> str:
    """The theme for a seed image's name: a bundled seed, or a reference."""
    if name is None:
        return next(iter(SEED_IMAGES.values()))
    known = [*SEED_IMAGES, *seed_names()]
    if name == _FROM_NOISE or is_reference(name) or name in seed_names():
        return name
    if name in SEED_IMAGES:
        return SEED_IMAGES[name]
    raise ParameterError(f"seed_image_id: {unknown(name, known)}, clip:ID or upload:ID")


def _between(first: float, last: float, alpha: float) -> float:
    return (1 - alpha) * first + alpha * last
