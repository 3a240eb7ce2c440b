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
from riffkit.evaluation.measures import measure_clip, measure_loudness
from riffkit.evaluation.prompts import COMPOSED, Evaluation
from riffkit.evaluation.reading import Reading, musicnn_features, read_clip
from riffkit.evaluation.real import reference_files
from riffkit.evaluation.renders import Renders, load_renders
from riffkit.models.pipeline import Pipeline
from riffkit.music.clip import read_recipe, recipe_of
from riffkit.music.run import prepare, run
from riffkit.music.session import Session
from riffkit.music.task import Call
from riffkit.score.notes import Score
from riffkit.score.stems import stems_of
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.tasks.generate import GENERATE, GenerateRequest

_PIECE_SECONDS = 6.0


@dataclass(frozen=True, eq=False)
class Made:
    """A clip as its files hold it. `stems` are those of the score's players; none of a free one."""

    path: Path
    image: SpectrogramImage
    waveform: Float[Tensor, "channel sample"]
    sample_rate: int
    score: Score | None = None
    stems: tuple[Float[Tensor, "_ _sample"], ...] = ()


def audio_path(folder: Path, index: int) -> Path:
    return folder / f"{index + 1:03d}.flac"


def folder_of(evaluation: Evaluation, folder: Path) -> Path:
    """Where in a report's folder the clips of a way lie."""
    return folder / COMPOSED if evaluation.way == COMPOSED else folder


def make_clips(pipeline: Pipeline, evaluation: Evaluation, folder: Path) -> Iterator[Path]:
    """Generate missing clips, each as FLAC with its PNG; yields each path once it exists.

    Of composed ones the players are written too, to a folder of the clip's name. ParameterError if
    the folder has clips of another model or with other options.
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
            if clip.stems:
                clip.save_stems(path.with_suffix(""), suffix=".flac")
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
    renders = load_renders() if evaluation.way == COMPOSED else None
    for index, (prompt, _) in enumerate(evaluation.requests()):
        made = open_clip(audio_path(folder, index))
        reading = read_clip(prompt, made.image, made.waveform, made.sample_rate)
        yield _measured(reading, made, renders)


def open_clip(path: Path) -> Made:
    """A clip that was made, with the score and the players of a composed one."""
    image = SpectrogramImage.open(path.with_suffix(".png"))
    waveform, rate = files.load(path, allow_silence=True)
    recipe = recipe_of(image)
    score = None
    if recipe is not None and recipe.score is not None:
        score = Score.from_dict(recipe.score)
    stems: list[Tensor] = []
    for number, _ in enumerate(stems_of(score) if score else (), 1):
        (stem,) = path.with_suffix("").glob(f"{number:02}-*.flac")
        stems.append(files.load(stem, allow_silence=True)[0])
    return Made(path, image, waveform, rate, score, tuple(stems))


def _measured(reading: Reading, made: Made, renders: Renders | None) -> Reading:
    if made.score is None:
        return replace(reading, measures=measure_loudness(made.waveform, made.sample_rate))
    render = None if renders is None else renders.of(made.score)
    measures = measure_clip(
        made.score,
        made.waveform,
        made.stems,
        made.sample_rate,
        rendered=None if render is None else render.chroma,
    )
    return replace(reading, measures=measures, render=render)


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
