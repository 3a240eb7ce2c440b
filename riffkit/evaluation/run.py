"""Judges a model on the fixed prompts: a folder of loops, and a report on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from riffkit.atomic import output_error
from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.evaluation.prompts import Evaluation
from riffkit.evaluation.reading import Reading, musicnn_features, read_clip
from riffkit.evaluation.real import reference_files
from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import read_recipe
from riffkit.music.run import prepare, run
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.tasks.generate import GENERATE, GenerateRequest

_PIECE_SECONDS = 6.0


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
    return np.stack(
        [row for path in reference_files(folder) for row in _piecewise(*files.load(path))]
    )


def _piecewise(waveform: Tensor, rate: int) -> Iterator[Float[np.ndarray, " feature"]]:
    pieces = waveform.split(round(_PIECE_SECONDS * rate), dim=-1)
    if len(pieces) > 1 and pieces[-1].shape[-1] < pieces[0].shape[-1]:
        pieces = pieces[:-1]
    for piece in pieces:
        yield musicnn_features(piece, rate).numpy()
