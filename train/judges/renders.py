"""Real renders of the scores that are composed for the prompts of `riff eval`: what they measure.

They go through what painted players go through: each player is rendered alone and dry, and all are
mixed by the score's rules and brought to the usual loudness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from riffkit.audio.loudness import loudness_gain
from riffkit.diffusion.latents import latents_to_pixels, pixels_to_latents
from riffkit.evaluation.measures import chroma_likeness, chroma_of, measure_clip
from riffkit.evaluation.prompts import COMPOSED, PROMPT_LISTS, EvalPrompt, Evaluation, eval_prompts
from riffkit.evaluation.reading import adherence_of
from riffkit.evaluation.renders import Coded, Render, Renders, digest, load_renders
from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models, model_traits
from riffkit.models.pipeline import Pipeline
from riffkit.music.mixing import mix
from riffkit.music.scoring import score_for
from riffkit.music.stems import as_played, is_mono
from riffkit.prompt.prompt import read_prompt
from riffkit.score.notes import Mix, Score
from riffkit.score.stems import Stem, stems_of
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.tasks.generate import USUAL_BARS, GenerateRequest
from riffkit.vocoder.decode import decode
from train.sounds.render_score import SAMPLE_RATE, loop_samples, render_track

Sound = Float[Tensor, "2 sample"]
_SAVED_EVERY = 25


@dataclass(frozen=True, eq=False)
class Heard:
    """A mix and its players, as loud as clips are."""

    mix: Sound
    stems: list[Sound]


def composed_prompts() -> list[tuple[EvalPrompt, GenerateRequest]]:
    """The instruments alone, then the prompts of all lists."""
    found: list[tuple[EvalPrompt, GenerateRequest]] = []
    for name in PROMPT_LISTS:
        n_prompts = len(eval_prompts(name))
        evaluation = Evaluation(n_prompts, prompt_list=name, way=COMPOSED)
        asked = evaluation.requests()
        found += [] if found else asked[n_prompts:]
        found += asked[:n_prompts]
    return found


def make_renders(
    path: Path,
    fonts: Sequence[Path],
    *,
    first: int | None = None,
    coder: Pipeline | None = None,
    n_coded: int = 0,
) -> Iterator[int]:
    """Render and measure the prompts' scores (the `first` of them); yields how many are done.

    What the file has is kept. The first `n_coded` also go through the autoencoder of `coder`.
    """
    known = load_renders(path) if path.exists() else Renders({})
    found, name = dict(known.of_scores), coder.name if coder else known.coder
    for n, (prompt, request) in enumerate(composed_prompts()[:first], 1):
        score = score_of(request)
        before, wants_code = found.get(digest(score)), coder is not None and n <= n_coded
        if before is None or (wants_code and before.coded is None):
            coding = coder if wants_code else None
            found[digest(score)] = render_of(score, prompt, fonts, coder=coding)
        if n % _SAVED_EVERY == 0:
            Renders(found, name).save(path)
        yield n
    Renders(found, name).save(path)


def score_of(request: GenerateRequest) -> Score:
    """The score that a composed clip of the bundled model plays."""
    traits = model_traits(bundled_models()[BUNDLED_DEFAULT])
    read = read_prompt(request.prompt, traits)
    score, _ = score_for(
        read, request, traits, own=None, brought={}, tracks=(), replaced=(), bars=USUAL_BARS
    )
    return score


def render_of(
    score: Score, prompt: EvalPrompt, fonts: Sequence[Path], *, coder: Pipeline | None = None
) -> Render:
    """A render by the first soundfont; its chroma is compared with that of the last's."""
    dry = [dry_player(stem, score, fonts[0]) for stem in stems_of(score)]
    heard = mixed(dry, score)
    chroma = chroma_of(heard.mix, SAMPLE_RATE, score.n_beats)
    measures = measure_clip(score, heard.mix, heard.stems, SAMPLE_RATE)
    if len(fonts) > 1:
        other = mixed([dry_player(stem, score, fonts[-1]) for stem in stems_of(score)], score)
        alike = chroma_likeness(other.mix, SAMPLE_RATE, chroma)
        measures = replace(measures, chroma=alike)
    grid = BeatGrid(score.bpm, score.n_beats)
    adherence = adherence_of(prompt, grid, heard.mix, SAMPLE_RATE)
    coded = None if coder is None else _coded(dry, score, prompt, chroma, coder)
    return Render(adherence, measures, chroma, coded)


def dry_player(stem: Stem, score: Score, soundfont: Path) -> np.ndarray:
    """What a player plays, without a room; a mono one has one channel."""
    n_samples = loop_samples(score)
    tracks = tuple(replace(track, send=0.0) for track in stem.tracks)
    dry = [render_track(track, score.n_beats, n_samples, soundfont) for track in tracks]
    sound = mix(dry, replace(score, tracks=tracks, mix=Mix()), SAMPLE_RATE).waveform
    return sound.mean(0, keepdims=True) if is_mono(stem.track) else sound


def mixed(dry: Sequence[np.ndarray], score: Score) -> Heard:
    """The players in their places, at the loudness of clips."""
    stems = stems_of(score)
    placed = replace(score, tracks=tuple(stem.track for stem in stems))
    found = mix(
        dry, placed, SAMPLE_RATE, names=[stem.name for stem in stems], ducked_by=score.tracks
    )
    whole = torch.from_numpy(np.ascontiguousarray(found.waveform, np.float32))
    gain = loudness_gain(whole, SAMPLE_RATE, circular=True)
    sounds = [torch.from_numpy(np.ascontiguousarray(x, np.float32)) for x in found.stems.values()]
    return Heard(whole * gain, [sound * gain for sound in sounds[: len(stems)]])


def _coded(
    dry: Sequence[np.ndarray], score: Score, prompt: EvalPrompt, chroma: np.ndarray, coder: Pipeline
) -> Coded:
    """The figures of the players after the autoencoder of a model, and decoded as clips are."""
    grid, sounds = BeatGrid(score.bpm, score.n_beats), []
    for stem, sound in zip(stems_of(score), dry, strict=True):
        stereo = np.broadcast_to(sound, (2, sound.shape[1])).astype(np.float32)
        waveform = torch.from_numpy(stereo.copy())
        image = waveform_to_image(waveform, SAMPLE_RATE, coder.params, grid=grid)
        latents = pixels_to_latents(coder, image.pixels, circular=True)
        pixels = latents_to_pixels(coder, latents, circular=True)[:, : image.n_frames]
        coded = as_played(replace(image, pixels=pixels, max_value=None), stem.track)
        sounds.append(decode(coded, circular=True).numpy())
    heard = mixed(sounds, score)
    return Coded(
        adherence_of(prompt, grid, heard.mix, SAMPLE_RATE),
        measure_clip(score, heard.mix, heard.stems, SAMPLE_RATE, rendered=chroma),
    )
