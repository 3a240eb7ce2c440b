"""What a score does for the bundled model: its notes, key and lead, beside painting from words.

    python tests/benchmarks/bench_guided.py [--short] [--sheet FILE.png]

Prompts of the 200 of `riff eval` that have a pitch are composed, two bars each. Each is painted
after its score as one picture ("together") and player by player ("apart"), and from its words alone
in the same key and tempo ("words"). All are compared with the score rendered by a soundfont:
chroma is the median cosine of their pitch classes at each sixteenth note, key how often the same
key is heard in both, lead the same cosine with the leading track's notes. The last row says what
another rendering of the same notes has, by other instruments: as near as one can come.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))  # as it stands here

import riffkit
from riffkit.analysis.chroma import chroma_steps
from riffkit.analysis.key import key
from riffkit.errors import ParameterError
from riffkit.music.melody import chroma
from riffkit.score.brief import Brief
from riffkit.score.midi import write_midi
from riffkit.score.notes import Note, Score
from riffkit.score.orchestration import arranged
from riffkit.spectrogram.image import SpectrogramImage, save_sheet
from train.sounds.render_score import SAMPLE_RATE, render
from train.sounds.soundfonts import find_soundfont

PROMPTS = Path(__file__).parents[2] / "riffkit" / "evaluation" / "prompts.jsonl"
STEPS_PER_BEAT = 4
BARS = 2


@dataclass(frozen=True)
class Likeness:
    chroma: float
    key: bool
    lead: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one prompt, few steps")
    parser.add_argument("--prompts", type=int, default=16, help="how many")
    parser.add_argument("--steps", type=int, help="default: the model's")
    parser.add_argument("--sheet", type=Path, help="write the pictures of the first prompt")
    given = parser.parse_args()
    try:
        soundfont = find_soundfont()
    except ParameterError as error:
        print(f"skipped: {error}")
        return
    n_prompts, steps = (1, 2) if given.short else (given.prompts, given.steps)
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["instruments"]][:n_prompts]
    found: dict[str, list[Likeness]] = {}
    riff = riffkit.load("mini", device="cpu")
    options = {"loop": True, "quality": "preview", **({} if steps is None else {"steps": steps})}
    for number, row in enumerate(rows):
        score = riffkit.compose(row["text"], bars=BARS, seed=row["seed"]).score
        sound = torch.from_numpy(render(score, soundfont))
        same = {"bpm": score.bpm, "key": f"{score.facts.key} {score.facts.mode}"}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "score.mid"
            write_midi(path, score)
            ways = {
                "together": {"score": path},
                "apart": {"score": path, "stems": True},
                "words": {**same, "bars": BARS, "beats_per_bar": score.facts.beats_per_bar},
            }
            clips = {
                name: riff.generate(row["text"], seed=number, **way, **options)
                for name, way in ways.items()
            }
        other = torch.from_numpy(render(_by_others(score), soundfont))
        sounds = {name: clip.waveform for name, clip in clips.items()} | {"other renders": other}
        for name, waveform in sounds.items():
            found.setdefault(name, []).append(likeness(waveform, sound, score))
        if given.sheet is not None and number == 0:
            images: dict[str, SpectrogramImage] = {name: c.image for name, c in clips.items()}
            save_sheet(given.sheet, images)
    print(f"{len(rows)} prompts, {BARS} bars, {steps or 'the usual'} steps")
    print(f"{'':14} {'chroma':>7} {'key':>5} {'lead':>5}")
    for name, some in found.items():
        median = float(np.median([one.chroma for one in some]))
        lead = float(np.median([one.lead for one in some]))
        print(f"{name:14} {median:7.2f} {np.mean([one.key for one in some]):5.2f} {lead:5.2f}")


def likeness(waveform: Tensor, rendered: Tensor, score: Score) -> Likeness:
    n_steps = score.n_beats * STEPS_PER_BEAT
    heard, wanted = (chroma_steps(one, SAMPLE_RATE, n_steps) for one in (waveform, rendered))
    keys = [key(one, SAMPLE_RATE) for one in (waveform, rendered)]
    same = None not in keys and keys[0].name == keys[1].name  # type: ignore[union-attr]
    lead = chroma(_lead(score), score.n_beats)
    return Likeness(cosine(heard, wanted), same, cosine(heard, lead))


def cosine(heard: np.ndarray, wanted: np.ndarray) -> float:
    """The median over the steps in which something is wanted."""
    sounds = wanted.any(axis=1)
    norms = np.linalg.norm(heard, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = (heard * wanted).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(np.median(cosines[sounds]))


def _lead(score: Score) -> Sequence[Note]:
    order = ("lead", "solo", "arp", "comp", "pad", "bass")
    pitched = [track for track in score.tracks if not track.is_drums]
    return min(pitched, key=lambda track: order.index(track.role)).notes


def _by_others(score: Score) -> Score:
    """The same notes on a piano and, where there is a bass, a fretless one."""
    names = {
        number: "fretless bass" if track.role == "bass" else "electric piano"
        for number, track in enumerate(score.tracks, 1)
        if not track.is_drums
    }
    return replace(arranged(score, Brief(style=score.facts.style), names), mix=score.mix)


if __name__ == "__main__":
    main()
