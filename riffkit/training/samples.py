"""What a model paints while it learns: a picture and its sound for each of a few prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import Clip
from riffkit.music.run import run
from riffkit.music.session import Session
from riffkit.tasks.generate import GENERATE, GenerateRequest
from riffkit.training.tuning import Denoiser


def sample_clips(pipeline: Pipeline, prompts: Sequence[str]) -> list[Clip]:
    """A clip for each prompt; the seed is the prompt's index."""
    loop = pipeline.traits.bar_cue
    requests = (
        GenerateRequest(prompt, seed=seed, loop=loop, quality="preview")
        for seed, prompt in enumerate(prompts)
    )
    return [run(Session(pipeline), GENERATE, request)[0] for request in requests]


def learning(pipeline: Pipeline, network: Denoiser, images: int) -> Pipeline:
    """The pipeline with a network as it is after so many images; its recipes say so, since these
    weights aren't kept."""
    state = {"name": f"training at {images} images", "sha256": "", "weight": 1.0}
    return replace(
        pipeline,
        unet=network.unet,
        text_encoder=network.text_encoder or pipeline.text_encoder,
        few_steps=None,
        loras=(state,),
    )


def save_samples(folder: Path, clips: Sequence[Clip], images: int) -> None:
    """Write each clip as IMAGES-N.wav, with its picture beside it."""
    folder.mkdir(exist_ok=True)
    for number, clip in enumerate(clips, 1):
        path = folder / f"{images:06d}-{number}.wav"
        clip.image.save(path.with_suffix(".png"))
        clip.save(path)
