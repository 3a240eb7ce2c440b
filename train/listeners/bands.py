"""What clip number n is for listeners: a band, its players' sounds apart, and its score.

Scores and numbers are those of train/stream/recipe.py, so that none is met by `riff eval`; numbers
from `FIRST_HELD_OUT` on are for measuring alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from riffkit.music.mixing import mix
from riffkit.score import Score, write_score
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.sounds.timbre import draw_timbre, sound_track
from train.sounds.voices import Stereo
from train.stream.recipe import FIRST_SCORE, at_some_tempo, elsewhere, other_mix

_PEAK = 0.891  # -1 dBFS
_LOUDNESS = 0.126  # -18 dBFS


@dataclass(frozen=True, eq=False)
class Band:
    """A loop at 44.1 kHz that repeats without a seam; `tracks` are the sounds of `score.tracks`, in
    their order, and `crackle` that of the vinyl, if there is any. Added up they are the mix.
    """

    number: int
    score: Score
    tracks: tuple[Stereo, ...]
    crackle: Stereo | None

    @property
    def mix(self) -> Stereo:
        return self.sum_of(range(len(self.tracks)), crackle=True)

    def sum_of(self, numbers: Sequence[int], *, crackle: bool = False) -> Stereo:
        """Some of the tracks together, by their places in the score."""
        some = [self.tracks[number] for number in numbers]
        some += [self.crackle] if crackle and self.crackle is not None else []
        silence = np.zeros((2, loop_samples(self.score)), np.float32)
        return sum(some, silence)


def draw_band(number: int, fonts: Sequence[Path], *, freely: bool = True) -> Band:
    """The band of that number: timbres, levels, places and room follow from it.

    `freely`: now and then a timbre isn't that of the named instrument.
    """
    rng = np.random.default_rng((number, 0xBA2D))
    score = at_some_tempo(write_score(FIRST_SCORE + number), rng)
    placed = tuple(elsewhere(track, rng) for track in score.tracks)
    score = replace(score, tracks=placed, mix=other_mix(score.mix, rng))
    tuning_cents = float(rng.normal(0, 12)) if rng.random() < 0.5 else 0.0
    n_samples, kit, dry = loop_samples(score), int(rng.integers(2**31)), []
    for track in score.tracks:
        own = np.random.default_rng((kit, 1)) if track.is_drums else rng  # one kit for all drums
        timbre = draw_timbre(track, fonts, own, tuning_cents=tuning_cents, freely=freely)
        dry.append(sound_track(track, timbre, n_beats=score.n_beats, n_samples=n_samples))
    names = [str(place) for place in range(len(dry))]
    mixed = mix(dry, score, SAMPLE_RATE, names=names)
    whole = mixed.waveform
    gain = _LOUDNESS / max(float(np.sqrt(np.mean(whole**2))), 1e-5)
    gain = min(gain, _PEAK / max(float(np.abs(whole).max()), 1e-5))
    sounds = [np.asarray(gain * stem, np.float32) for stem in mixed.stems.values()]
    return Band(
        number, score, tuple(sounds[: len(dry)]), sounds[len(dry)] if sounds[len(dry) :] else None
    )
