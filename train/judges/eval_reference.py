"""The reference of `riff eval`: what the probe and the other judges say of real renders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from riffkit.evaluation.frechet import Whitening
from riffkit.evaluation.prompts import EvalPrompt, eval_prompts
from riffkit.evaluation.reading import Reading, picture_features, read_clip
from riffkit.evaluation.reference import Reference
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from riffkit.vocoder.decode import decode
from train.judges.eval_prompts import FIRST_SEED, N_PROMPTS
from train.judges.eval_prompts import eval_prompts as write_prompts
from train.mini.loops import read_loops
from train.mini.render import render_clip
from train.sounds.soundfonts import find_soundfont

N_OTHERS = 400


def make_reference(data: Path, path: Path) -> Iterator[int]:
    """Render the prompts' own scores and others, see the loops of `data`; yields clips done."""
    twins = []
    for n, prompt in enumerate(eval_prompts(), 1):
        twins.append(_render(prompt))
        yield n
    sounds = []
    first = FIRST_SEED + N_PROMPTS
    for n, prompt in enumerate(write_prompts(N_OTHERS, first_seed=first), N_PROMPTS + 1):
        sounds.append(_render(prompt).sound)
        yield n
    trained = np.stack(list(_pictures(data)))
    whitening, basis = Whitening.of(np.stack(sounds)), Whitening.of(trained)
    Reference(
        adherence=tuple(reading.adherence for reading in twins),
        whitening=whitening,
        other_sounds=whitening(np.stack(sounds)),
        picture_basis=basis,
        twin_pictures=basis(np.stack([reading.picture for reading in twins])),
        trained_pictures=basis(trained),
    ).save(path)


def _render(prompt: EvalPrompt) -> Reading:
    """A real render through all that a painted image goes through after it is painted."""
    torch.set_num_threads(1)
    pixels, facts = render_clip(prompt.seed, find_soundfont())
    grid = BeatGrid(bpm=facts.bpm, n_beats=facts.n_beats)
    image = SpectrogramImage(
        np.ascontiguousarray(pixels.transpose(1, 2, 0)),
        FULL_BAND,
        grid=grid,
        transpose=float(prompt.transpose),
    )
    return read_clip(prompt, image, decode(image, circular=True), FULL_BAND.sample_rate)


def _pictures(data: Path) -> Iterator[np.ndarray]:
    for loop in read_loops(data):
        yield picture_features(SpectrogramImage(loop.pixels().transpose(1, 2, 0), FULL_BAND))
