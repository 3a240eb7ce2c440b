"""What the probe learns from: bands whole, and players alone, as the probe sees them.

Scores and numbers are those of train/listeners/bands.py, in all keys and both metres, at all tempi;
every timbre is that of the instrument which the facts name. Images are of preset crisp.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from riffkit.atomic import atomic_path
from riffkit.evaluation.probe import pooled_loudness
from riffkit.music.stems import is_mono
from riffkit.score.stem_captions import stem_facts
from riffkit.score.stems import stems_of
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import CRISP, Planes
from train.listeners.bands import draw_band
from train.sounds.render_score import SAMPLE_RATE
from train.sounds.voices import Stereo
from train.stream.recipe import FIRST_HELD_OUT
from train.stream.shards import Shards
from train.stream.workers import render_shard

RECIPE_VERSION = 1
FIRST_BAND = 30_000_000
N_ALONE = 2


@dataclass(frozen=True, eq=False)
class ProbeClip:
    """Levels of 255 of the probe's input, and facts true of what is heard.

    `facts["kind"]` is "mix", or "alone" for a player alone, whose style nobody can tell.
    """

    loudness: UInt8[Tensor, "3 row column"]
    facts: dict[str, Any]


def draw_clips(number: int, fonts: Sequence[Path]) -> list[ProbeClip]:
    """A band whole, and some of its players alone: all follow from the number."""
    rng = np.random.default_rng((number, 0x9EA2))
    band = draw_band(number, fonts, freely=False)
    grid, facts = BeatGrid(band.score.bpm, band.score.n_beats), band.score.facts
    stems = stems_of(band.score)
    if len(stems) == 1:
        alone = stem_facts(facts, stems[0].tracks).to_dict()
        return [_heard(band.mix, grid, {**alone, "kind": "alone"}, mono=False)]
    clips = [_heard(band.mix, grid, {**facts.to_dict(), "kind": "mix"}, mono=False)]
    for place in rng.permutation(len(stems))[:N_ALONE]:
        stem = stems[int(place)]
        sound = band.sum_of([n - 1 for n in stem.numbers])
        said = {**stem_facts(facts, stem.tracks).to_dict(), "style": "", "kind": "alone"}
        clips.append(_heard(sound, grid, said, mono=is_mono(stem.track)))
    return clips


def _heard(sound: Stereo, grid: BeatGrid, facts: dict[str, Any], *, mono: bool) -> ProbeClip:
    waveform = torch.from_numpy(np.ascontiguousarray(sound, np.float32))
    params = CRISP.with_planes(Planes.MONO) if mono else CRISP
    waveform = waveform.mean(0, keepdim=True) if mono else waveform
    image = waveform_to_image(waveform, SAMPLE_RATE, params, grid=grid)
    loudness = pooled_loudness(image.pixels, params)
    return ProbeClip((255 * loudness).round().to(torch.uint8), facts)


class ProbeCache(Shards):
    """Clips on disk, in shards of sixteen bands."""

    def __init__(self, folder: Path) -> None:
        contents = {"recipe": RECIPE_VERSION, "params": CRISP.to_dict(), "for": "the probe"}
        super().__init__(folder, contents)

    def drawer(self, fonts: Sequence[Path]) -> Callable[[int], list[ProbeClip]]:
        return lambda number: draw_clips(FIRST_BAND + number, fonts)

    def write(self, shard: int, items: Sequence[list[ProbeClip]]) -> None:
        clips = [clip for item in items for clip in item]
        tensors = {str(n): clip.loudness for n, clip in enumerate(clips)}
        self._store(shard, tensors, [clip.facts for clip in clips])

    def render(self, n_bands: int, n_held_out: int, fonts: Sequence[Path]) -> Iterable[int]:
        """Render what is missing; yields how many bands there are."""
        path = self._held_out(n_held_out)
        if not path.exists():
            numbers = range(FIRST_HELD_OUT, FIRST_HELD_OUT + n_held_out)
            _save(path, [clip for n in numbers for clip in draw_clips(n, fonts)])
        draw = partial(self.drawer(fonts))
        while self.n_rendered() < n_bands:
            render_shard(self, draw)
            yield self.n_rendered()

    def clips(self) -> list[ProbeClip]:
        """All clips for training."""
        return [clip for shard in self.shards() for clip in _load(self._path(shard))]

    def held_out(self) -> list[ProbeClip]:
        """Those that aren't for training; none before `render`."""
        return [clip for path in self.folder.glob("held-out-*") for clip in _load(path)]

    def _held_out(self, n_bands: int) -> Path:
        return self.folder / f"held-out-{n_bands}.safetensors"


def _save(path: Path, clips: Sequence[ProbeClip]) -> None:
    tensors = {str(n): clip.loudness for n, clip in enumerate(clips)}
    with atomic_path(path) as temporary:
        facts = json.dumps([clip.facts for clip in clips], ensure_ascii=False)
        save_file(tensors, temporary, metadata={"facts": facts})


def _load(path: Path) -> list[ProbeClip]:
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        return [ProbeClip(file.get_tensor(str(n)), said) for n, said in enumerate(facts)]
