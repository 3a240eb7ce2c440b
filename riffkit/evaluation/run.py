"""Judges a model on the fixed prompts: a folder of loops, and a report on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.atomic import output_error
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.evaluation.prompts import EvalPrompt, eval_prompts
from riffkit.evaluation.reading import Reading, musicnn_features, read_clip
from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import read_recipe
from riffkit.music.run import prepare, run
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.tasks.generate import GENERATE, GenerateRequest

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_FEWEST_SOUNDS = 4
_PIECE_SECONDS = 6.0


@dataclass(frozen=True)
class Evaluation:
    """The loops to make: those of the first prompts, with seeds from `seed` on."""

    n_prompts: int = 200
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.n_prompts <= len(eval_prompts()):
            raise ParameterError(
                f"prompts={self.n_prompts}: must be between 2 and {len(eval_prompts())}"
            )
        _ = self.requests()  # steps and guidance in range

    def requests(self) -> list[tuple[EvalPrompt, GenerateRequest]]:
        return [
            (
                prompt,
                GenerateRequest(
                    prompt.text,
                    bpm=prompt.bpm,
                    beats_per_bar=prompt.beats_per_bar,
                    steps=self.steps,
                    guidance=self.guidance,
                    seed=self.seed + index,
                    loop=True,
                ),
            )
            for index, prompt in enumerate(eval_prompts()[: self.n_prompts])
        ]


def audio_path(folder: Path, index: int) -> Path:
    return folder / f"{index + 1:03d}.flac"


def make_clips(pipeline: Pipeline, evaluation: Evaluation, folder: Path) -> Iterator[Path]:
    """Generate missing clips, each as FLAC with its PNG; yields each path once it exists.

    ParameterError if the folder has clips of another model or with other options.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for index, (_, request) in enumerate(evaluation.requests()):
        path = audio_path(folder, index)
        if path.exists():
            check_same(path, pipeline, request)
        else:
            (clip,) = run(Session(pipeline), GENERATE, request)
            clip.image.save(path.with_suffix(".png"))
            clip.save(path)
        yield path


def check_same(path: Path, pipeline: Pipeline, request: GenerateRequest) -> None:
    """Raise ParameterError unless the clip was made by this model, its LoRAs and this request."""
    made = read_recipe(path.with_suffix(".png"))
    wanted = prepare(Session(pipeline), Call(GENERATE, request, {})).recipe
    if (
        made is None
        or any(made.model.get(name) != wanted.model.get(name) for name in ("fingerprint", "loras"))
        or not made.same_music(replace(wanted, model=made.model))
    ):
        raise ParameterError(
            f"{path.name}: was made by another model or with other options; choose an empty folder"
        )


def read_clips(evaluation: Evaluation, folder: Path) -> Iterator[Reading]:
    """The clips in the folder as the judges hear and see them, in the prompts' order."""
    for index, (prompt, _) in enumerate(evaluation.requests()):
        path = audio_path(folder, index)
        waveform, rate = files.load(path, allow_silence=True)
        yield read_clip(prompt, SpectrogramImage.open(path.with_suffix(".png")), waveform, rate)


def sounds_of(folder: Path) -> Float[np.ndarray, "clip feature"]:
    """The features of every audio file in a folder, for distances; at least four files.

    Long files count in pieces about as long as the loops that they are compared with.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
    if len(paths) < _FEWEST_SOUNDS:
        raise ParameterError(
            f"reference={folder.name!r}: contains {len(paths)} audio files; at least "
            f"{_FEWEST_SOUNDS} are needed"
        )
    return np.stack([row for path in paths for row in _piecewise(*files.load(path))])


def _piecewise(waveform: Tensor, rate: int) -> Iterator[Float[np.ndarray, " feature"]]:
    pieces = waveform.split(round(_PIECE_SECONDS * rate), dim=-1)
    if len(pieces) > 1 and pieces[-1].shape[-1] < pieces[0].shape[-1]:
        pieces = pieces[:-1]
    for piece in pieces:
        yield musicnn_features(piece, rate).numpy()
