"""The reference of `riff eval`: what the probe and the other judges say of real renders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.evaluation.adherence import Adherence
from riffkit.evaluation.frechet import Whitening
from riffkit.evaluation.prompts import FIXED, HELD_OUT, EvalPrompt, eval_prompts
from riffkit.evaluation.reading import adherence_of, musicnn_features, picture_features
from riffkit.evaluation.reference import Reference, load_reference
from riffkit.prompt.key import parse_tonic
from riffkit.score import Score, write_score
from riffkit.score.orchestration import transposed
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from train.judges.eval_prompts import FIRST_SEED, N_PROMPTS
from train.judges.eval_prompts import eval_prompts as write_prompts
from train.loops.dataset import read_loops
from train.loops.render import NATIVE_TONICS
from train.sounds.render_score import SAMPLE_RATE, render
from train.sounds.soundfonts import find_soundfont

N_OTHERS = 400


def make_reference(data: Path, path: Path) -> Iterator[int]:
    """Render the prompts' facts and others, see the loops of `data`; yields clips done."""
    torch.set_num_threads(1)
    trained = np.stack(list(_pictures(data)))  # first: a wrong folder is known at once
    done, twins = 0, dict[str, list[Adherence]]()
    pictures = []
    for name in (FIXED, HELD_OUT):
        for prompt in eval_prompts(name):
            score = score_of(prompt, name)
            sound = _rendered(score)
            twins.setdefault(name, []).append(_adherence(prompt, score, sound))
            if name == FIXED:
                pictures.append(_picture(score, sound, prompt.transpose))
            done += 1
            yield done
    sounds = []
    first = FIRST_SEED + N_PROMPTS
    for prompt in write_prompts(N_OTHERS, first_seed=first):
        waveform = _rendered(score_of(prompt, FIXED))
        sounds.append(musicnn_features(waveform, SAMPLE_RATE).numpy())
        done += 1
        yield done
    whitening, basis = Whitening.of(np.stack(sounds)), Whitening.of(trained)
    Reference(
        adherence=tuple(twins[FIXED]),
        held_out=tuple(twins[HELD_OUT]),
        whitening=whitening,
        other_sounds=whitening(np.stack(sounds)),
        picture_basis=basis,
        twin_pictures=basis(np.stack(pictures)),
        trained_pictures=basis(trained),
    ).save(path)


def renew_adherence(path: Path) -> Iterator[int]:
    """Only what the bundled probe says of the prompts' facts, the rest as the bundled reference
    has it: for another probe. Yields clips done.
    """
    torch.set_num_threads(1)
    done, twins = 0, dict[str, list[Adherence]]()
    for name in (FIXED, HELD_OUT):
        for prompt in eval_prompts(name):
            score = score_of(prompt, name)
            found = _adherence(prompt, score, _rendered(score))
            twins.setdefault(name, []).append(found)
            done += 1
            yield done
    known = load_reference()
    replace(known, adherence=tuple(twins[FIXED]), held_out=tuple(twins[HELD_OUT])).save(path)


def score_of(prompt: EvalPrompt, prompt_list: str) -> Score:
    """The score with a prompt's facts, in its key; that of a fixed one is written in two tonics."""
    if prompt_list == HELD_OUT:
        return write_score(prompt.seed)
    tonics = [parse_tonic(name) for name in NATIVE_TONICS]
    return transposed(write_score(prompt.seed, tonics=tonics), prompt.transpose)


def _rendered(score: Score) -> Float[Tensor, "2 sample"]:
    return torch.from_numpy(np.array(render(score, find_soundfont()), np.float32))


def _adherence(prompt: EvalPrompt, score: Score, sound: Float[Tensor, "2 sample"]) -> Adherence:
    return adherence_of(prompt, BeatGrid(score.bpm, score.n_beats), sound, SAMPLE_RATE)


def _picture(score: Score, sound: Float[Tensor, "2 sample"], transpose: int) -> np.ndarray:
    """As a model of two tonics would have painted it."""
    grid = BeatGrid(score.bpm, score.n_beats)
    image = waveform_to_image(sound, SAMPLE_RATE, FULL_BAND, grid=grid, transpose=float(transpose))
    return picture_features(image)


def _pictures(data: Path) -> Iterator[np.ndarray]:
    for loop in read_loops(data):
        yield picture_features(SpectrogramImage(loop.pixels().transpose(1, 2, 0), FULL_BAND))
