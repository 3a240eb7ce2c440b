"""Scores rendered to loops and laid out as spectrogram images: the bundled model's data."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from riffkit.audio.loudness import integrated_lufs
from riffkit.errors import ParameterError
from riffkit.prompt.key import parse_tonic
from riffkit.score import ScoreFacts, captions, write_score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND
from riffkit.spectrogram.pixels import mel_to_pixels
from train.loops.dataset import clip_of, finish, shard_path, write_loops
from train.sounds.render_score import SAMPLE_RATE, render
from train.sounds.soundfonts import find_soundfont

CLIPS_PER_SHARD = 100
CAPTIONS_PER_CLIP = 8
NATIVE_TONICS = ("D", "Ab")  # with them no key is further than three semitones away
_SILENT_RMS = 1e-3


def render_clip(
    seed: int, soundfont: Path
) -> tuple[UInt8[np.ndarray, "plane row column"], ScoreFacts]:
    """The image of score `seed`, and the score's facts."""
    image, facts, _ = _rendered(seed, soundfont)
    return np.ascontiguousarray(image.pixels.transpose(2, 0, 1)), facts


def _rendered(seed: int, soundfont: Path) -> tuple[SpectrogramImage, ScoreFacts, float]:
    """A score's image, its facts, and the sound's loudness in LUFS."""
    score = write_score(seed, tonics=[parse_tonic(name) for name in NATIVE_TONICS])
    waveform = torch.as_tensor(np.asarray(render(score, soundfont)), dtype=torch.float32)
    if waveform.square().mean().sqrt() < _SILENT_RMS:
        raise ParameterError(f"seed={seed}: the score renders to silence")
    grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
    mel = waveform_to_mel(waveform, FULL_BAND, n_frames=grid.n_frames)
    pixels, max_value = mel_to_pixels(mel, FULL_BAND)
    image = SpectrogramImage(pixels, FULL_BAND, max_value=max_value, grid=grid)
    return image, score.facts, integrated_lufs(waveform, SAMPLE_RATE)


def _render_shard(folder: Path, shard: int, first_seed: int, n_clips: int) -> int:
    torch.set_num_threads(1)
    soundfont = find_soundfont()
    clips = []
    for seed in range(first_seed, first_seed + n_clips):
        image, facts, lufs = _rendered(seed, soundfont)
        texts = captions(facts, CAPTIONS_PER_CLIP, seed)
        clips.append(clip_of(seed, image, texts, facts.to_dict(), lufs=lufs))
    write_loops(folder, shard, clips)
    return n_clips


def render_loops(
    folder: Path, *, n_clips: int, first_seed: int = 0, n_workers: int = 2
) -> Iterator[int]:
    """Render the clips of seeds `first_seed` … into a dataset folder; yields clips done by shard.

    Shards that are already there are kept, so the same command goes on where it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, n_clips, CLIPS_PER_SHARD)
    missing = [s for s in starts if not shard_path(folder, s // CLIPS_PER_SHARD).exists()]
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(
                _render_shard,
                folder,
                start // CLIPS_PER_SHARD,
                first_seed + start,
                min(CLIPS_PER_SHARD, n_clips - start),
            )
            for start in missing
        ]
        for job in jobs:
            yield job.result()
    finish(folder, seed=first_seed)
