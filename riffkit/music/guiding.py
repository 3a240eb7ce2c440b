"""Painting after a score: its guides as further input of the model, or as what painting starts
from where a model has no input for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from riffkit.diffusion.denoise import Inpainting
from riffkit.diffusion.latents import guide_latents, pixels_to_latents
from riffkit.models.pipeline import Pipeline
from riffkit.music.canvas import Canvas, Conditioning, PromptSchedule
from riffkit.music.finish import Picture
from riffkit.music.mask import mask_to_cells
from riffkit.music.painted_before import painting_of, recall, remember
from riffkit.music.plan import Plan
from riffkit.music.session import Session
from riffkit.music.stems import as_played
from riffkit.score.guide import draw_guide
from riffkit.score.notes import Score, Track
from riffkit.spectrogram.image import SpectrogramImage

USUAL_FREEDOM = 0.5
"""How freely a model departs from a guide that it only starts from."""
_START_SLOPE = 3.0
"""In a picture to start from partials are soft: how strong they are is the instrument's matter."""
_REACH = 4.0
"""A cell a quarter as dark as the darkest belongs to the notes too."""


@dataclass(frozen=True, eq=False)
class Guided:
    """What the denoising loop is given of some guides, an item each; one of the two is None."""

    guide: Float[Tensor, "batch channel row column"] | None = None
    inpainting: Inpainting | None = None


def paint_guided(
    session: Session,
    plan: Plan,
    canvas: Canvas,
    parts: Sequence[tuple[str, Sequence[Track]]],
    *,
    seed: int,
    freedom: float,
) -> list[UInt8[np.ndarray, "row frame 3"]]:
    """Pictures of a plan's prompts, as one batch: each after its own tracks.

    Args:
        session: the running call.
        plan: with a text for each part.
        canvas: its canvas.
        parts: of each picture a name, which decides its noise, and the tracks that guide it.
        seed: with the names, the seed of the noise: a part's is the same whatever the others are.
        freedom: 0 to 1, how freely the model departs from the guides: the share of the steps that
            don't see them, or that a model without input for guides paints by itself.

    Returns:
        The pictures, as wide as the canvas's beats.
    """
    params = session.pipeline.params
    slope = 1.0 if session.pipeline.guide_channels else _START_SLOPE
    guides = [
        draw_guide(
            tracks, plan.grid, params, transpose=plan.transpose, circular=canvas.loop, slope=slope
        ).pixels
        for _, tracks in parts
    ]
    seeds = [seed_of(seed, name) for name, _ in parts]
    noise = torch.cat([session.noise(canvas, one) for one in seeds])
    guided = guided_by(session.pipeline, guides, circular=canvas.circular, freedom=freedom)
    denoising = replace(plan.denoising, guide_until=1 - freedom)
    latents = session.paint(
        replace(plan, denoising=denoising),
        canvas,
        [_always(asked) for asked in session.conditionings(plan)],
        noise,
        seed=seeds,
        inpainting=guided.inpainting,
        guide=guided.guide,
    )
    return [session.pixels(canvas, latents[n : n + 1]) for n in range(len(parts))]


def usual_freedom(pipeline: Pipeline) -> float:
    """How freely a model departs from guides where nobody says: not at all, if it sees them."""
    return 0.0 if pipeline.guide_channels else USUAL_FREEDOM


def guide_of(
    session: Session, plan: Plan, canvas: Canvas, score: Score
) -> Float[Tensor, "1 channel row column"]:
    """The guide of a score along a canvas, for a model that has an input for it."""
    guide = draw_guide(
        score.tracks,
        canvas.grid,
        session.pipeline.params,
        transpose=plan.transpose,
        circular=canvas.loop,
    )
    return guide_latents(session.pipeline, guide.pixels, circular=canvas.circular)


def paint_apart(
    session: Session, plan: Plan, canvas: Canvas, *, seed: int, freedom: float
) -> list[Picture]:
    """Each of a plan's players alone; those that were painted before are not painted again."""
    stems = plan.apart
    paintings = [
        _painting(session, plan, canvas, place, seed=seed, freedom=freedom)
        for place in range(len(stems))
    ]
    found: dict[int, UInt8[np.ndarray, "row frame 3"] | None]
    found = dict.fromkeys(range(len(stems)))
    if session.recorded is None:  # a replay paints again
        found = {place: recall(one, session.stems_folder) for place, one in enumerate(paintings)}
    missing = [place for place, pixels in found.items() if pixels is None]
    if missing:
        some = paint_guided(
            session,
            replace(plan, texts=tuple(plan.texts[place] for place in missing)),
            canvas,
            [(stems[place].name, stems[place].tracks) for place in missing],
            seed=seed,
            freedom=freedom,
        )
        found |= dict(zip(missing, some, strict=True))
    if n_known := len(stems) - len(missing):
        session.remark(f"stems: {n_known} of {len(stems)} players are as they were painted before")
    pictures = []
    for stem, painting, pixels in zip(stems, paintings, found.values(), strict=True):
        assert pixels is not None
        remember(painting, pixels)
        params = session.pipeline.params
        image = SpectrogramImage(pixels, params, grid=plan.grid, transpose=plan.transpose)
        pictures.append(Picture(as_played(image, stem.track), painting))
    return pictures


def _painting(
    session: Session, plan: Plan, canvas: Canvas, place: int, *, seed: int, freedom: float
) -> str:
    """What a player's picture depends on; where it stands in the mix doesn't change it."""
    stem, denoising = plan.apart[place], asdict(replace(plan.denoising, on_remark=None))
    return painting_of(
        {
            "model": session.pipeline.recipe_facts,
            "device": [str(session.pipeline.device), torch.get_num_threads()],
            "text": plan.texts[place].to_dict(),
            "player": stem.name,
            "notes": [
                [track.role, track.level_db - stem.track.level_db, track.to_dict()["notes"]]
                for track in stem.tracks
            ],
            "grid": [plan.grid.bpm, plan.grid.n_beats, plan.beats_per_bar, plan.transpose],
            "circular": [canvas.loop, canvas.circular],
            "denoising": denoising,
            "seed": seed,
            "freedom": freedom,
        }
    )


def guided_by(
    pipeline: Pipeline,
    guides: Sequence[UInt8[np.ndarray, "row frame 3"]],
    *,
    circular: bool,
    freedom: float,
) -> Guided:
    """The guides for a model: its further input channels, or else the picture to start from.

    Of that, `freedom` is how much of the steps is left to the model where notes sound; elsewhere it
    is free.
    """
    if pipeline.guide_channels:
        return Guided(
            torch.cat([guide_latents(pipeline, one, circular=circular) for one in guides])
        )
    latents = torch.cat([pixels_to_latents(pipeline, one, circular=circular) for one in guides])
    masks = torch.cat([_free_cells(one, pipeline.stride, freedom) for one in guides])
    return Guided(inpainting=Inpainting(latents=latents, mask=masks))


def _free_cells(
    guide: UInt8[np.ndarray, "row frame 3"], stride: int, freedom: float
) -> Float[Tensor, "1 1 latent_row column"]:
    sounding = mask_to_cells(1 - guide.mean(-1) / 255, stride)
    sounding = (sounding / sounding.max().clamp(min=1e-6) * _REACH).clamp(max=1)
    return 1 - (1 - freedom) * sounding


def seed_of(seed: int, name: str) -> int:
    """A seed of its own for each part; the whole's is the clip's."""
    if not name:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:6], "big")


def _always(asked: Conditioning) -> PromptSchedule:
    return lambda bar: asked
