"""The whole path on the bundled model: what is asked for is heard."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch

from riffkit.audio.loudness import integrated_lufs, true_peak_dbfs
from riffkit.errors import ParameterError
from riffkit.music.clip import Clip
from riffkit.music.riff import Riff
from riffkit.tasks.generate import GenerateRequest

pytestmark = pytest.mark.slow

STEPS = 10
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def clip_of(riff: Riff):
    @cache
    def make(prompt: str, seed: int = 1, steps: int = STEPS, **options: object) -> Clip:
        return riff.generate(prompt, seed=seed, steps=steps, quality="preview", **options)

    return make


def darkness(clip: Clip) -> np.ndarray:
    """Loudness of the middle plane, 0 (white) to 1 (black), low rows last."""
    return 1 - clip.image.pixels[..., 2].astype(float) / 255


def onset_contrast(clip: Clip) -> float:
    """How much of the high band (above 8 kHz) starts and stops: large with drums, small without."""
    rows = darkness(clip)[:128]
    return float(np.abs(np.diff(rows.mean(axis=0))).mean())


@pytest.mark.parametrize("bpm", [60.0, 93.75, 120.0, 174.3])
@pytest.mark.parametrize("bars", [1, 2])
def test_exact_length_level_and_shape(clip_of, bpm: float, bars: int) -> None:
    clip = clip_of("house with piano and drums", bpm=bpm, bars=bars, steps=2)
    assert clip.waveform.shape == (2, round(4 * bars * 60 / bpm * 44_100))
    assert clip.image.pixels.shape == (512, 256 * bars, 3)
    assert true_peak_dbfs(clip.waveform) <= -1 + 0.05
    assert -22 < integrated_lufs(clip.waveform, 44_100) <= -15.8


def test_a_waltz_has_three_beats(clip_of) -> None:
    clip = clip_of("waltz with piano", bpm=90.0, beats_per_bar=3, steps=2)
    assert clip.waveform.shape[-1] == round(6 * 60 / 90 * 44_100)


def test_four_bars_are_not_two_bars_twice(clip_of) -> None:
    clip = clip_of("piano melody", bars=4, bpm=120.0)
    assert clip.waveform.shape[-1] == 8 * 44_100
    first, second = np.split(darkness(clip), 2, axis=1)
    assert np.abs(first - second).mean() > 0.01


def test_a_duration_is_kept_to_the_sample(clip_of) -> None:
    clip = clip_of("solo piano", duration=3.3, bpm=100.0, steps=2)
    assert clip.waveform.shape[-1] == round(3.3 * 44_100)
    assert clip.waveform[:, 0].abs().max() == 0


def test_a_loop_has_no_click(clip_of) -> None:
    for prompt in ("techno drums", "strings, no drums"):
        waveform = clip_of(prompt, bpm=125.0, loop=True).waveform
        seam = (waveform[:, 0] - waveform[:, -1]).abs().max()
        assert seam <= waveform.diff(dim=-1).abs().max()


def test_same_seed_same_samples_other_seed_other_music(riff: Riff, clip_of) -> None:
    first = clip_of("funk band", seed=5)
    again = riff.generate("funk band", seed=5, steps=STEPS, quality="preview")
    assert torch.equal(first.waveform, again.waveform)
    assert np.array_equal(first.image.pixels, again.image.pixels)
    other = clip_of("funk band", seed=6)
    assert np.abs(darkness(first) - darkness(other)).mean() > 0.02


def test_drums_are_there_when_asked_for_and_only_then(clip_of) -> None:
    with_drums = [onset_contrast(clip_of("techno drum beat, only drums", s)) for s in SEEDS]
    without = [onset_contrast(clip_of("ambient pad, no drums", s)) for s in SEEDS]
    assert min(with_drums) > 2 * max(without)


def test_sparse_is_lighter_than_dense(clip_of) -> None:
    sparse = np.mean([darkness(clip_of("solo music box, sparse", s)).mean() for s in SEEDS])
    dense = np.mean([darkness(clip_of("metal band with drums, dense", s)).mean() for s in SEEDS])
    assert dense > 1.3 * sparse


def test_the_bundled_model_paints_no_noise(clip_of) -> None:
    """A note is a line: along time its row stays, across frequency it changes."""
    image = darkness(clip_of("solo piano"))[256:]
    along, across = np.abs(np.diff(image, axis=1)).mean(), np.abs(np.diff(image, axis=0)).mean()
    assert across > 1.5 * along


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ({"prompt": "  "}, "prompt"),
        ({"bars": 0}, "bars"),
        ({"duration": -1.0}, "duration"),
        ({"duration": math.nan}, "duration"),
        ({"duration": 3.0, "bars": 2}, "duration"),
        ({"beats_per_bar": 0}, "beats_per_bar"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_requests_are_refused(bad: dict[str, object], name: str) -> None:
    with pytest.raises(ParameterError, match=name):
        GenerateRequest(**{"prompt": "piano", **bad})


@pytest.mark.parametrize("options", [{"bpm": -3.0}, {"steps": 0}, {"guidance": -1.0}])
def test_impossible_options_are_refused(riff: Riff, options: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        riff.generate("piano", seed=1, **options)


def test_odd_prompts_play(clip_of) -> None:
    for prompt in ("🎹🥁 " * 3, "сумне піаніно", "piano " * 2_000):
        clip = clip_of(prompt, bars=1, steps=2)
        assert clip.waveform.isfinite().all()
        assert any("encoded in" in note for note in clip.notes) == (len(prompt) > 1_000)
