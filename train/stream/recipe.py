"""What clip number n of the stream is: a mix, a single track, a guide, or an extreme.

Everything about a clip follows from its number, and so does its image: score, key, tempo, timbres,
room. Scores are numbered from 10,000,000 on, where neither `riff eval` nor older models look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from riffkit.score import Score, write_score
from riffkit.score.guide import draw_guide
from riffkit.score.notes import Mix, Track
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import SpectrogramParams
from riffkit.spectrogram.pixels import mel_to_pixels
from train.sounds.extremes import draw_extreme
from train.sounds.mixing import mix_down
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.sounds.roughen import roughen
from train.sounds.timbre import draw_timbre, sound_track
from train.sounds.voices import Stereo

FIRST_SCORE = 10_000_000
FIRST_HELD_OUT = 1_000_000_000
SHARES = {"mix": 0.45, "stem": 0.40, "guide": 0.10, "extreme": 0.05}
_ROUGH_SHARE = {"mix": 0.25, "stem": 0.12, "extreme": 0.0}
_OTHER_TEMPO_SHARE = 0.4
_MIN_BPM, _MAX_BPM = 60, 180
_SILENT_RMS = 1e-3


@dataclass(frozen=True)
class DrawnClip:
    """A clip of the stream. `facts` are its score's, with `kind` and the number beside them."""

    number: int
    kind: str
    pixels: UInt8[np.ndarray, "plane row column"]
    facts: dict[str, Any]


def draw_clip(
    number: int, params: SpectrogramParams, fonts: Sequence[Path], *, kind: str | None = None
) -> DrawnClip:
    """The clip of that number; `kind` instead of the one that the number draws."""
    rng = np.random.default_rng((number, 0x21FF))
    drawn = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    kind = kind or drawn
    score = at_some_tempo(write_score(FIRST_SCORE + number), rng)
    facts = {**score.facts.to_dict(), "kind": kind, "number": number, "rough": False}
    if kind == "guide":
        return DrawnClip(number, kind, _guide(score, params, rng), facts)
    sound = _SOUNDS[kind](score, fonts, rng)
    waveform = torch.from_numpy(np.ascontiguousarray(sound, np.float32))
    audible = float(waveform.square().mean().sqrt()) >= _SILENT_RMS
    rough = audible and rng.random() < _ROUGH_SHARE[kind]
    if rough:
        waveform = roughen(waveform, SAMPLE_RATE, number)
    pixels = loop_to_pixels(waveform, score, params)
    return DrawnClip(number, kind, pixels, {**facts, "rough": bool(rough)})


def at_some_tempo(score: Score, rng: np.random.Generator) -> Score:
    """Now and then another tempo than the style's: all from 60 to 180 are met."""
    bpm = float(rng.integers(_MIN_BPM, _MAX_BPM + 1))
    if rng.random() >= _OTHER_TEMPO_SHARE and _MIN_BPM <= score.bpm <= _MAX_BPM:
        bpm = score.bpm
    return replace(score, facts=replace(score.facts, bpm=bpm))


def loop_to_pixels(
    waveform: torch.Tensor, score: Score, params: SpectrogramParams
) -> UInt8[np.ndarray, "plane row column"]:
    grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
    mel = waveform_to_mel(waveform, params, n_frames=grid.n_frames)
    pixels, _ = mel_to_pixels(mel, params)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _mix(score: Score, fonts: Sequence[Path], rng: np.random.Generator) -> Stereo:
    return _sound(score, fonts, rng)


def _stem(score: Score, fonts: Sequence[Path], rng: np.random.Generator) -> Stereo:
    """One player alone: a pitched track, or all of the drums."""
    return _sound(_one_player(score, rng), fonts, rng)


def _guide(
    score: Score, params: SpectrogramParams, rng: np.random.Generator
) -> UInt8[np.ndarray, "plane row column"]:
    """The guide of one player, or of all."""
    chosen = _one_player(score, rng) if rng.random() < 0.7 else score
    grid = BeatGrid(bpm=score.bpm, n_beats=score.n_beats)
    guide = draw_guide(chosen.tracks, grid, params)
    return np.ascontiguousarray(guide.pixels.transpose(2, 0, 1))


def _extreme(score: Score, fonts: Sequence[Path], rng: np.random.Generator) -> Stereo:
    return draw_extreme(loop_samples(score), rng)


_SOUNDS: dict[str, Callable[[Score, Sequence[Path], np.random.Generator], Stereo]] = {
    "mix": _mix,
    "stem": _stem,
    "extreme": _extreme,
}


def _one_player(score: Score, rng: np.random.Generator) -> Score:
    pitched = [(track,) for track in score.tracks if not track.is_drums]
    drums = tuple(track for track in score.tracks if track.is_drums)
    players = [*pitched, *([drums] if drums else [])]
    return replace(score, tracks=players[int(rng.integers(len(players)))])


def _sound(score: Score, fonts: Sequence[Path], rng: np.random.Generator) -> Stereo:
    """The score with timbres, levels and a room of its own."""
    tuning_cents = float(rng.normal(0, 12)) if rng.random() < 0.5 else 0.0
    n_samples = loop_samples(score)
    dry, tracks = [], []
    kit = int(rng.integers(2**31))
    for track in score.tracks:
        own = np.random.default_rng((kit, 1)) if track.is_drums else rng  # one kit for all drums
        timbre = draw_timbre(track, fonts, own, tuning_cents=tuning_cents, freely=True)
        dry.append(sound_track(track, timbre, n_beats=score.n_beats, n_samples=n_samples))
        tracks.append(elsewhere(track, rng))
    placed = replace(score, tracks=tuple(tracks), mix=other_mix(score.mix, rng))
    return mix_down(dry, placed, SAMPLE_RATE)


def elsewhere(track: Track, rng: np.random.Generator) -> Track:
    """Another level, place and distance."""
    spread = 1.5 if track.is_drums else 3.0
    return replace(
        track,
        level_db=track.level_db + float(rng.normal(0, spread)),
        pan=float(np.clip(track.pan + rng.normal(0, 0.15) * (not track.is_drums), -0.9, 0.9)),
        send=float(track.send * rng.choice((0.0, 0.5, 1.0, 1.0, 2.0))),
    )


def other_mix(mix: Mix, rng: np.random.Generator) -> Mix:
    """The style's room made larger or smaller; its low-pass and crackle only half of the time."""
    return replace(
        mix,
        reverb_s=float(np.clip(mix.reverb_s * 2 ** rng.uniform(-1.2, 1.2), 0.15, 3.5)),
        lowpass_hz=mix.lowpass_hz if rng.random() < 0.5 else None,
        crackle=mix.crackle if rng.random() < 0.5 else 0.0,
        duck=float(mix.duck * rng.uniform(0, 1.5)),
    )
