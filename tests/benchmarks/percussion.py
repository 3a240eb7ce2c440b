"""Drums to measure on: rendered loops at any tempo, clean hits, real CC0 loops, and a held chord.

    python tests/benchmarks/percussion.py FOLDER

The drum loops are the score writer's, of its drum tracks alone. The real loops come from Debian's
sonic-pi-samples, whose copyright file names each of those taken here as CC0. Left out are
loop_amen*, whose recording is in dispute, and those by hullum (loop_perc1 and others), of which
that file says nothing.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

from music import CLIP_SAMPLES, RATE, unpack

from riffkit.audio.files import load
from riffkit.errors import ParameterError
from riffkit.score import Score, write_score
from riffkit.spectrogram.beat_grid import BeatGrid
from train.sounds.render_score import render
from train.sounds.soundfonts import FILE_NAME, find_soundfont

N_BEATS = 8
STYLES = (  # grooves whose hits stand apart; house, metal or jazz leave no quiet between them
    "blues",
    "chiptune",
    "hip hop",
    "latin",
    "lo-fi hip hop",
    "pop",
    "reggae",
    "rock",
    "synthwave",
)
SONIC_PI_PACKAGE = ("sonic-pi-samples",)
SONIC_PI_LOOPS = {  # all CC0, from freesound.org
    "breakbeat": "Snapper4298, sound 160354",
    "compus": "godspine, sound 212288",
    "industrial": "godspine, sound 222072",
    "mika": "mika55, sound 188551",
    "safari": "nemaavla, sound 318759",
    "tabla": "lezaarth, sound 242591",
}
CHORD_HZ = 55.0  # the chord's notes are multiples of about that
Hit = Callable[[Float[np.ndarray, " sample"], np.random.Generator], Float[np.ndarray, "2 sample"]]


def drum_loops(bpm: float) -> dict[str, Float[Tensor, "2 sample"]]:
    """Two bars of drums in each of the styles, and `clean_hits`, as loops at 44.1 kHz."""
    soundfont = _soundfont()
    loops = {style: torch.from_numpy(render(drums(style, bpm), soundfont)) for style in STYLES}
    return {**loops, "clean hits": clean_hits(bpm)}


def drums(style: str, bpm: float) -> Score:
    """The drums of the style's first score in four that has them all, at another tempo, dry."""
    for seed in range(10_000):
        score = write_score(seed)
        facts = score.facts
        if facts.style == style and facts.beats_per_bar == 4 and facts.density != "sparse":
            tracks = tuple(replace(track, send=0.0) for track in score.tracks if track.is_drums)
            if tracks:
                return replace(score, tracks=tracks, facts=replace(facts, bpm=bpm))
    raise ValueError(f"style={style!r}: no score with drums in four")


def _soundfont() -> Path:
    if importlib.util.find_spec("tinysoundfont") is None:
        raise SystemExit(
            "drums need tinysoundfont: install it with `pip install --no-deps tinysoundfont`"
        )
    fetched = Path(__file__).parents[2] / ".soundfont" / FILE_NAME  # by make
    try:
        return find_soundfont()
    except ParameterError as error:
        if fetched.is_file() and fetched.stat().st_size:
            return fetched
        raise SystemExit(str(error)) from error


def clean_hits(bpm: float) -> Float[Tensor, "2 sample"]:
    """Kick, snare and hat by formula over two bars, with silence between: 2 ms to their peak."""
    n_samples = BeatGrid(bpm, N_BEATS).n_samples(RATE)
    loop = np.zeros((2, n_samples))
    rng = np.random.default_rng(0)
    for step in range(2 * N_BEATS):  # eighths
        hit = _hat if step % 2 else (_snare if step % 4 == 2 else _kick)
        samples = np.arange(min(n_samples, RATE // 2))
        start = round(step / (2 * N_BEATS) * n_samples)
        loop[:, (start + samples) % n_samples] += hit(samples / RATE, rng)
    return torch.from_numpy((0.9 * loop / np.abs(loop).max()).astype(np.float32))


def _kick(
    seconds: Float[np.ndarray, " sample"], rng: np.random.Generator
) -> Float[np.ndarray, "2 sample"]:
    """A sine that falls from 160 to 50 Hz, and a click."""
    phase = 2 * np.pi * (50 * seconds + 110 * 0.03 * (1 - np.exp(-seconds / 0.03)))
    click = 0.4 * rng.standard_normal(len(seconds)) * _decay(seconds, 0.004)
    return np.tile(np.sin(phase) * _decay(seconds, 0.08) + click, (2, 1))


def _snare(
    seconds: Float[np.ndarray, " sample"], rng: np.random.Generator
) -> Float[np.ndarray, "2 sample"]:
    """A tone of 190 Hz, and noise that is a little different in the two channels."""
    common, left, right = rng.standard_normal((3, len(seconds)))
    noise = 0.3 * (common + 0.4 * np.stack((left, right))) * _decay(seconds, 0.03)
    return noise + 0.5 * np.sin(2 * np.pi * 190 * seconds) * _decay(seconds, 0.06)


def _hat(
    seconds: Float[np.ndarray, " sample"], rng: np.random.Generator
) -> Float[np.ndarray, "2 sample"]:
    """Bright noise, to the right."""
    noise = np.diff(rng.standard_normal(len(seconds) + 1)) * _decay(seconds, 0.015)
    return 0.15 * noise * np.array([[0.6], [1.0]])


def _decay(seconds: Float[np.ndarray, " sample"], time_constant: float) -> np.ndarray:
    """Up in 2 ms, then down."""
    return np.minimum(1, seconds / 0.002) * np.exp(-np.maximum(0, seconds - 0.002) / time_constant)


def sonic_pi_loops(
    folder: Path, n_samples: int = CLIP_SAMPLES
) -> dict[str, Float[Tensor, "2 sample"]]:
    """The CC0 loops by name, repeated or cut to `n_samples` at 44.1 kHz; fetched where lacking."""
    paths = {name: folder / f"loop_{name}.flac" for name in SONIC_PI_LOOPS}
    if not all(path.exists() for path in paths.values()):
        _fetch_sonic_pi(folder)
    return {name: _repeated(load(path)[0], n_samples) for name, path in paths.items()}


def _fetch_sonic_pi(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        unpack([SONIC_PI_PACKAGE], Path(temporary))
        for name in SONIC_PI_LOOPS:
            (path,) = Path(temporary).rglob(f"loop_{name}.flac")
            shutil.copyfile(path, folder / path.name)


def _repeated(loop: Float[Tensor, "channel sample"], n_samples: int) -> Float[Tensor, "2 repeated"]:
    n_times = -(-n_samples // loop.shape[-1])
    return loop.expand(2, -1).tile(1, n_times)[:, :n_samples].clone()


def held_chord(bpm: float = 120.0) -> Float[Tensor, "2 sample"]:
    """Two bars of one steady chord (4:5:6:8) of eight harmonics a note, a loop at 44.1 kHz.

    Each partial has a whole number of periods, and no two are nearer than 55 Hz.
    """
    n_samples = BeatGrid(bpm, N_BEATS).n_samples(RATE)
    turns = np.arange(n_samples) / n_samples
    n_periods = round(CHORD_HZ * n_samples / RATE)
    chord = np.zeros((2, n_samples))
    for multiple, pan in zip((4, 5, 6, 8), (0.0, -0.4, 0.4, 0.0), strict=True):
        for harmonic in range(1, 9):
            phase = 2 * np.pi * (multiple * harmonic * n_periods * turns + 0.618 * harmonic**2)
            chord += np.array([[1 - pan], [1 + pan]]) * np.sin(phase) / harmonic
    return torch.from_numpy((0.5 * chord / np.abs(chord).max()).astype(np.float32))


if __name__ == "__main__":
    print("\n".join((*drum_loops(120.0), *sonic_pi_loops(Path(sys.argv[1])))))
