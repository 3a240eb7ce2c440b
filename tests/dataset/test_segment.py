"""Cutting: whole bars on the beat, silence and fade-outs left out, images as riffkit draws them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from riffkit.analysis.beats import measure_bars, to_analysis_rate
from riffkit.dataset.pictures import clip_to_image, save_picture
from riffkit.dataset.segment import (
    Part,
    cut_bars,
    cut_loop,
    cut_seconds,
    fade_out_start,
    judge_parts,
    leftovers,
    levels_db,
    loop_bars,
)
from riffkit.dataset.similarity import drop_duplicates, fingerprint, similar_pairs
from riffkit.dataset.work import normalized
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, SpectrogramParams
from tests.dataset.dataset_music import RATE, bars


def as_waveform(sound: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(sound.T, np.float32))


def grid_of(sound: np.ndarray, bpm: float | None = None):
    return measure_bars(to_analysis_rate(as_waveform(sound), RATE), bpm=bpm, beats_per_bar=4)


@pytest.mark.parametrize(("bpm", "lead"), [(120.0, 0.7), (97.3, 1.3)])
def test_seams_lie_on_downbeats(bpm: float, lead: float) -> None:
    sound = bars(bpm=bpm, lead=lead, n_bars=13)
    grid = grid_of(sound)
    assert grid is not None and grid.bpm == pytest.approx(bpm, rel=1e-3)
    parts = cut_bars(grid, len(sound), RATE, bars=2, hop_bars=2, beats_per_bar=4)
    assert len(parts) >= 5
    bar = 4 * 60 / bpm
    for part in parts:
        assert part.n_samples == BeatGrid(part.bpm, 8).n_samples(RATE)
        off = (part.start / RATE - lead + bar / 2) % bar - bar / 2
        assert abs(off) < 0.025


def test_clips_may_overlap() -> None:
    """At half a clip's length every other one is where it would be without."""
    sound = bars(bpm=120, n_bars=13)
    grid = grid_of(sound)
    assert grid is not None
    apart = cut_bars(grid, len(sound), RATE, bars=2, hop_bars=2, beats_per_bar=4)
    overlapping = cut_bars(grid, len(sound), RATE, bars=2, hop_bars=1, beats_per_bar=4)
    assert overlapping[::2] == apart and len(overlapping) >= 2 * len(apart) - 1
    loop = cut_loop(8 * RATE, RATE, n_loop_bars=4, bars=2, hop_bars=1, beats_per_bar=4)
    assert [part.start for part in loop] == [0, 2 * RATE, 4 * RATE]


def test_bars_follow_a_tempo_that_drifts() -> None:
    """Every bar a little slower: by the end a steady grid would be more than a beat off."""
    tempi = np.linspace(124, 112, 16)
    sound = np.concatenate([bars(bpm=b, n_bars=1, seed=k) for k, b in enumerate(tempi)])
    downbeats = np.cumsum([0, *(4 * 60 / tempi)])
    grid = grid_of(sound)
    assert grid is not None and grid.bpm is None
    parts = cut_bars(grid, len(sound), RATE, bars=2, hop_bars=2, beats_per_bar=4)
    assert len(parts) >= 6
    for part in parts:
        assert np.abs(downbeats - part.start / RATE).min() < 0.06
    assert parts[0].bpm > parts[-1].bpm + 5


def test_a_given_tempo_holds() -> None:
    grid = grid_of(bars(bpm=120, n_bars=9, lead=0.5), bpm=120.0)
    assert grid is not None and grid.bpm == 120.0


def test_noise_without_beats_and_silence_have_no_bars() -> None:
    assert grid_of(np.zeros((5 * RATE, 2))) is None


def test_a_loop_is_cut_from_its_first_sample() -> None:
    n_samples = BeatGrid(120.0, 16).n_samples(RATE) + 3  # as exporters leave it
    assert loop_bars(n_samples, RATE, 119.9, 4) == 4
    assert loop_bars(n_samples + RATE, RATE, 120.0, 4) == 0
    parts = cut_loop(n_samples, RATE, n_loop_bars=4, bars=2, hop_bars=2, beats_per_bar=4)
    assert [part.start for part in parts] == [0, n_samples // 2]
    assert all(part.n_samples == BeatGrid(part.bpm, 8).n_samples(RATE) for part in parts)


def test_fixed_seconds() -> None:
    parts = cut_seconds(10 * RATE, RATE, 3.0)
    assert [(part.start, part.n_samples) for part in parts] == [
        (k * 3 * RATE, 3 * RATE) for k in range(3)
    ]


def test_fade_outs_are_found_and_soft_endings_are_not() -> None:
    sound = bars(n_bars=12)
    ramp = np.ones(len(sound))
    n_fade = 8 * RATE
    ramp[-n_fade:] = np.linspace(1, 0, n_fade) ** 2
    levels = levels_db(as_waveform(sound * ramp[:, None]), RATE)
    start = fade_out_start(levels)
    assert start is not None
    assert 0 < start * 0.05 - (len(sound) / RATE - 8) < 5
    assert fade_out_start(levels_db(as_waveform(sound), RATE)) is None
    soft = np.ones(len(sound))
    soft[-n_fade:] = 0.2
    assert fade_out_start(levels_db(as_waveform(sound * soft[:, None]), RATE)) is None
    parts = [Part(0, 4 * RATE, 120.0), Part(20 * RATE, 4 * RATE, 120.0)]
    judged = judge_parts(parts, levels, RATE, track_level_db=-20.0, fade_start=start)
    assert [part.reason for part in judged] == [None, "fade-out"]


def test_silence_is_left_out() -> None:
    sound = bars(n_bars=6)
    sound[: 4 * RATE] *= 1e-5
    parts = [Part(0, 4 * RATE, 120.0), Part(4 * RATE, 4 * RATE, 120.0)]
    levels = levels_db(as_waveform(sound), RATE)
    judged = judge_parts(parts, levels, RATE, track_level_db=-20.0, fade_start=None)
    assert [part.reason for part in judged] == ["silence", None]


def test_leftovers_are_all_that_no_part_holds() -> None:
    gaps = leftovers([Part(RATE, RATE, None), Part(2 * RATE + 100, RATE, None)], 5 * RATE)
    assert [(gap.start, gap.n_samples) for gap in gaps] == [
        (0, RATE),
        (3 * RATE + 100, 2 * RATE - 100),
    ]


@pytest.mark.parametrize("params", [FULL_BAND, CRISP], ids=lambda p: p.preset)
@pytest.mark.parametrize("transpose", [0.0, -2.0, 3.0])
def test_images_are_as_riffkit_draws_them(
    transpose: float, params: SpectrogramParams, tmp_path
) -> None:
    grid = BeatGrid(117.3, 4)
    clip = as_waveform(bars(bpm=117.3, n_bars=1))[:, : grid.n_samples(RATE)]
    clip = clip + 0.01 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(0))
    mine = clip_to_image(clip, params, grid=grid, transpose=transpose)
    theirs = waveform_to_image(clip, RATE, params, grid=grid, transpose=transpose)
    off = np.abs(mine.pixels.astype(int) - theirs.pixels)
    if transpose > 0:  # the top rows then hold nothing but rounding errors
        off = off[150:]
    assert off.max() <= 20
    assert (off > 1).mean() < 0.02
    assert off.mean() < 0.15
    assert mine.max_value == pytest.approx(theirs.max_value, rel=1e-3)
    save_picture(tmp_path / "a.png", mine)
    read = SpectrogramImage.open(tmp_path / "a.png")
    assert np.array_equal(read.pixels, mine.pixels)
    assert (read.params, read.grid, read.transpose, read.assumed) == (params, grid, transpose, ())


def test_other_images_are_riffkit_s_own() -> None:
    clip = as_waveform(bars(n_bars=1))
    mine = clip_to_image(clip, RIFFUSION_V1, grid=None)
    assert np.array_equal(mine.pixels, waveform_to_image(clip, RATE, RIFFUSION_V1).pixels)


def test_loudness_is_one_gain_and_peaks_stay_whole() -> None:
    sound = as_waveform(bars(n_bars=2))
    loud, lufs = normalized(0.1 * sound)
    ratio = loud / (0.1 * sound)
    assert ratio[~ratio.isnan()].std() < 1e-3
    assert lufs == pytest.approx(-16, abs=0.05) or loud.abs().max() > 0.85
    assert loud.abs().max() <= 10 ** (-1 / 20)


def test_near_duplicates() -> None:
    def print_of(seed: int, gain: float = 1.0, noise: float = 0.0) -> np.ndarray:
        clip = as_waveform(bars(n_bars=1, seed=seed)) * gain
        clip = clip + noise * torch.randn(clip.shape, generator=torch.Generator().manual_seed(1))
        clip = clip[:, : BeatGrid(120.0, 4).n_samples(RATE)]
        return fingerprint(clip_to_image(clip, FULL_BAND, grid=BeatGrid(120.0, 4)).pixels)

    prints = np.stack([print_of(0), print_of(1), print_of(0, 0.3, 1e-5), print_of(2)])
    assert list(similar_pairs(prints)) == [(0, 2)]
    assert drop_duplicates(4, [(0, 2), (0, 3), (2, 3)]) == {2: 0, 3: 0}
