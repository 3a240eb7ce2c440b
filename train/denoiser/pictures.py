"""What pair number n of the denoiser's stream is: music, its guide, and captions true of it.

Scores and numbers are those of train/stream/recipe.py. A stem is one player as it is painted for a
band: dry, and mono where riffkit/music/stems.py says so. Everything is in tune with the guide, and
every timbre is that of the instrument which the captions name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from riffkit.errors import ParameterError
from riffkit.music.mixing import mix
from riffkit.music.stems import is_mono
from riffkit.score import Score, captions, write_score
from riffkit.score.guide import draw_guide
from riffkit.score.notes import Mix
from riffkit.score.stem_captions import stem_captions, stem_facts
from riffkit.score.stems import Stem, stems_of
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.params import SpectrogramParams
from train.sounds.mixing import mix_down
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.sounds.timbre import draw_timbre, sound_track
from train.sounds.voices import Stereo
from train.stream.recipe import FIRST_SCORE, at_some_tempo, elsewhere, loop_to_pixels, other_mix

SHARES = {"stem": 0.7, "mix": 0.3}
CAPTIONS = 8
_WET_SHARE, _DRY_WORD_SHARE = 0.15, 0.2
_WET_WORDS = ("with reverb", "with room reverb", "reverberant", "in a hall", "wet", "spacious room")
_DRY_WORDS = ("dry", "close-miked", "no reverb")
_DRY_ROOM = Mix(reverb_s=0.3)
_SILENT_RMS = 1e-4

Picture = UInt8[np.ndarray, "plane row column"]


@dataclass(frozen=True, eq=False)
class Pictures:
    """`facts` are those of what is heard, with `kind`, the number and the captions beside them."""

    number: int
    kind: str
    music: Picture
    guide: Picture
    facts: dict[str, Any]


def draw_pictures(
    number: int, params: SpectrogramParams, fonts: Sequence[Path], *, kind: str | None = None
) -> Pictures:
    """The pair of that number; `kind` instead of the one that the number draws.

    ParameterError where nothing is heard.
    """
    rng = np.random.default_rng((number, 0x9A12))
    drawn = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    kind = kind or drawn
    score = at_some_tempo(write_score(FIRST_SCORE + number), rng)
    score = replace(score, tracks=tuple(elsewhere(track, rng) for track in score.tracks))
    if kind == "stem":
        stem = _one_of(stems_of(score), rng)
        score = replace(score, tracks=stem.tracks)
        sound, texts = _stem(score, stem, fonts, rng, number)
        facts = stem_facts(score.facts, stem.tracks)
    else:
        sound = mix_down(
            _dry(score, fonts, rng), replace(score, mix=other_mix(score.mix, rng)), SAMPLE_RATE
        )
        facts, texts = score.facts, captions(score.facts, CAPTIONS, number)
    waveform = torch.from_numpy(np.ascontiguousarray(sound, np.float32))
    if float(waveform.square().mean().sqrt()) < _SILENT_RMS:
        raise ParameterError(f"number={number}: is silent")
    grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
    guide = draw_guide(score.tracks, grid, params).pixels
    return Pictures(
        number,
        kind,
        loop_to_pixels(waveform, score, params),
        np.ascontiguousarray(guide.transpose(2, 0, 1)),
        {**facts.to_dict(), "kind": kind, "number": number, "captions": texts},
    )


def _one_of(stems: Sequence[Stem], rng: np.random.Generator) -> Stem:
    return stems[int(rng.integers(len(stems)))]


def _stem(
    score: Score, stem: Stem, fonts: Sequence[Path], rng: np.random.Generator, number: int
) -> tuple[Float[np.ndarray, "channel sample"], list[str]]:
    """One player, dry; now and then in its room, and then the captions say so."""
    dry = _dry(score, fonts, rng)
    wet = rng.random() < _WET_SHARE
    room = other_mix(score.mix, rng) if wet else _DRY_ROOM
    tracks = tuple(replace(t, pan=0.0, send=t.send + 0.3 if wet else 0.0) for t in stem.tracks)
    heard = mix(dry, replace(score, tracks=tracks, mix=replace(room, crackle=0.0)), SAMPLE_RATE)
    sound = heard.waveform
    if not wet and is_mono(stem.track):
        sound = sound.mean(axis=0, keepdims=True)
    texts = stem_captions(score.facts, stem.tracks, CAPTIONS, number)
    if wet:
        return sound, [f"{text}, {rng.choice(_WET_WORDS)}" for text in texts]
    said = (f", {rng.choice(_DRY_WORDS)}" if rng.random() < _DRY_WORD_SHARE else "" for _ in texts)
    return sound, [text + word for text, word in zip(texts, said, strict=True)]


def _dry(score: Score, fonts: Sequence[Path], rng: np.random.Generator) -> list[Stereo]:
    """Each track, dry; the tracks of one player have one timbre."""
    n_samples, sounds = loop_samples(score), dict[int, Stereo]()
    for stem in stems_of(score):
        kit = int(rng.integers(2**31))
        for number, track in zip(stem.numbers, stem.tracks, strict=True):
            timbre = draw_timbre(track, fonts, np.random.default_rng(kit))
            wide = replace(timbre, treatment=replace(timbre.treatment, mono=False))
            sounds[number] = sound_track(track, wide, n_beats=score.n_beats, n_samples=n_samples)
    return [sounds[number] for number in sorted(sounds)]
