"""How long a guide takes to draw, beside encoding a sound of its length.

    python tests/benchmarks/bench_guide.py [--short]

Guides of written scores, two bars of all their tracks, in the presets crisp and full-band, with
nothing kept from other tempos. Prints milliseconds a note, and the ratio.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from timing import median_seconds

from riffkit.score import Score, write_score
from riffkit.score.guide import draw_guide
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import CRISP, FULL_BAND, SpectrogramParams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="ten scores, once")
    short = parser.parse_args().short
    scores = [write_score(seed) for seed in range(10 if short else 60)]
    n_notes = sum(len(track.notes) for score in scores for track in score.tracks)
    for params in (CRISP, FULL_BAND):
        drawn, encoded = (
            median_seconds(partial(work, scores, params), 1 if short else 3)
            for work in (draw, encode)
        )
        print(
            f"{params.preset}: {1000 * drawn / n_notes:.2f} ms a note "
            f"({n_notes} notes of {len(scores)} scores); "
            f"{drawn / encoded:.2f} x the time of encoding a sound as long"
        )


def draw(scores: Sequence[Score], params: SpectrogramParams) -> None:
    for score in scores:
        draw_guide(score.tracks, BeatGrid(score.bpm, score.n_beats), params)


def encode(scores: Sequence[Score], params: SpectrogramParams) -> None:
    for score in scores:
        grid = BeatGrid(score.bpm, score.n_beats)
        sound = torch.zeros(2, grid.n_samples(params.sample_rate))
        waveform_to_image(sound, params.sample_rate, params, grid=grid)


if __name__ == "__main__":
    main()
