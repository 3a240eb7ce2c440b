"""Does the bundled model play what it is asked for? Counted, beside what chance would give.

    python tests/benchmarks/bench_prompts.py [--short] [--seeds N]

Clips of several prompts and seeds are told apart by their spectrograms alone: each clip is given
to the prompt whose other clips are nearest (mean and change of 32 bands). Drums are heard by the
change of the band above 8 kHz, the key by chroma on the tiled loop.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import riffkit
from riffkit.analysis.facts import measure
from riffkit.music.clip import Clip

KINDS = (
    "solo piano",
    "solo violin, slow",
    "techno drum beat, only drums",
    "ambient synth pad, no drums",
    "metal with distorted guitar and drums",
    "solo music box",
    "funk band with slap bass and drums",
    "string ensemble, no drums",
)
WITH_DRUMS = {2, 4, 6}
KEYS = ("C major", "A minor", "G major", "E minor", "F major", "D minor")


def bands(clip: Clip) -> np.ndarray:
    """Loudness "band frame" of the middle plane, 32 bands, highest first."""
    loudness = 1 - clip.image.pixels[..., 2].astype(float) / 255
    return loudness.reshape(32, 16, -1).mean(axis=1)


def features(clip: Clip) -> np.ndarray:
    rows = bands(clip)
    return np.concatenate((rows.mean(axis=1), 4 * np.abs(np.diff(rows, axis=1)).mean(axis=1)))


def nearest_kind_rate(clips: dict[int, list[np.ndarray]]) -> float:
    """Share of clips whose own kind's other clips are nearer than those of any other kind."""
    hits = []
    for kind, rows in clips.items():
        for index, row in enumerate(rows):
            centres = {
                other: np.mean([r for n, r in enumerate(of) if other != kind or n != index], axis=0)
                for other, of in clips.items()
            }
            distance = {other: np.linalg.norm(row - centre) for other, centre in centres.items()}
            hits.append(min(distance, key=distance.__getitem__) == kind)
    return float(np.mean(hits))


def best_threshold_rate(positive: Iterable[float], negative: Iterable[float]) -> float:
    """How well one threshold parts the two, as a share (0.5 is chance)."""
    yes, no = np.array(list(positive)), np.array(list(negative))
    rates = [((yes >= t).mean() + (no < t).mean()) / 2 for t in np.concatenate((yes, no))]
    return float(max(rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="three prompts, a key, one bar")
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()
    short = arguments.short
    kinds, keys = (KINDS[:3], KEYS[:1]) if short else (KINDS, KEYS)
    n_seeds, bars = (2, 1) if short else (arguments.seeds, 2)
    riff = riffkit.load(device="cpu")

    def clips_of(prompt: str) -> list[Clip]:
        return [
            riff.generate(prompt, seed=seed, bars=bars, quality="preview", loop=True)
            for seed in range(n_seeds)
        ]

    clips = {kind: clips_of(prompt) for kind, prompt in enumerate(kinds)}
    rate = nearest_kind_rate({k: [features(c) for c in of] for k, of in clips.items()})
    print(f"prompt told from the spectrogram: {rate:.2f} (chance {1 / len(kinds):.2f})")
    change = {
        k: [float(np.abs(np.diff(bands(c)[:8].mean(axis=0))).mean()) for c in of]
        for k, of in clips.items()
    }
    drums = best_threshold_rate(
        (x for k in set(clips) & WITH_DRUMS for x in change[k]),
        (x for k in set(clips) - WITH_DRUMS for x in change[k]),
    )
    print(f"drums or none: {drums:.2f} (chance 0.50)")
    asked, modes = [], []
    for key in keys:
        for clip in clips_of(f"piano chords in {key}, no drums"):
            heard = measure(clip.waveform.tile(1, 2), clip.sample_rate).key or "none"
            asked.append(heard == key)
            modes.append(heard.split()[-1] == key.split()[-1])
    print(f"key as asked: {np.mean(asked):.2f} (chance 0.04)")
    print(f"major or minor as asked: {np.mean(modes):.2f} (chance 0.50)")


if __name__ == "__main__":
    main()
