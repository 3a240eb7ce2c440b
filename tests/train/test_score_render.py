"""Renders are loops: exact to the sample, without a click, the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riffkit.errors import ParameterError
from riffkit.score import Note, Score, Track, write_score
from train.sounds.render_score import SAMPLE_RATE, loop_samples, render, render_track
from train.sounds.soundfonts import FILE_NAME, find_soundfont


@pytest.fixture(scope="module")
def soundfont() -> Path:
    pytest.importorskip("tinysoundfont")
    try:
        return find_soundfont()
    except ParameterError as missing:
        pytest.skip(str(missing))


def _first(**wanted: object) -> Score:
    """The score of the first seed whose facts are as wanted."""
    scores = (write_score(seed) for seed in range(3000))
    return next(s for s in scores if all(getattr(s.facts, k) == v for k, v in wanted.items()))


@pytest.fixture(scope="module")
def loops(soundfont: Path) -> list[tuple[Score, np.ndarray]]:
    chosen = [
        _first(texture="solo", instruments=("piano",)),
        _first(texture="band", drums=True, density="dense"),
        _first(texture="drums only"),
    ]
    return [(score, render(score, soundfont)) for score in chosen]


def test_loop_is_exact_loud_enough_and_below_full_scale(loops):
    for score, loop in loops:
        assert loop.shape == (2, round(score.n_beats * 60 / score.bpm * SAMPLE_RATE))
        assert loop.dtype == np.float32
        assert np.abs(loop).max() < 0.9
        assert 20 * np.log10(np.sqrt(np.mean(loop**2))) > -26


def test_seam_is_no_click(loops):
    """The step from the last sample to the first is one as there are many inside."""
    for _, loop in loops:
        seam = np.abs(loop[:, 0] - loop[:, -1]).max()
        assert seam < np.percentile(np.abs(np.diff(loop)), 99.5)


def test_tail_rings_into_the_start(soundfont: Path):
    """A long note struck just before the end is heard at the start."""
    late = Track("piano", "solo", 0, 0, -16.0, 0.0, 0.0, (Note(7.75, 2.0, 60, 100),))
    loop = render_track(late, 8, 2 * SAMPLE_RATE, soundfont)
    level = np.sqrt(np.mean(loop[:, : SAMPLE_RATE // 4] ** 2))
    before = np.sqrt(np.mean(loop[:, SAMPLE_RATE : SAMPLE_RATE * 3 // 2] ** 2))
    assert level > 20 * before


def test_attack_is_on_its_sample(soundfont: Path):
    """A hit a quarter of the loop later is the same sound that many samples later."""
    n_samples = 90_001
    early, late = (
        render_track(
            Track("snare", "drums", 128, 0, -16.0, 0.0, 0.0, (Note(beat, 0.25, 37, 110),)),
            8,
            n_samples,
            soundfont,
        )
        for beat in (2.0, 4.0)
    )
    at_early, at_late = 22_500, 45_000
    assert np.abs(early[:, at_early - 400 : at_early]).max() < 1e-5
    assert np.abs(early[:, at_early : at_early + 400]).max() > 1e-3
    assert np.array_equal(
        early[:, at_early : at_early + 20_000], late[:, at_late : at_late + 20_000]
    )


def test_same_score_same_samples_whatever_came_before(soundfont: Path, loops):
    score, loop = loops[1]
    render(loops[2][0], soundfont)
    assert np.array_equal(render(score, soundfont), loop)


def test_pitch_is_the_pitch(soundfont: Path):
    flute = Track("flute", "solo", 0, 73, -16.0, 0.0, 0.0, (Note(0.0, 7.9, 69, 100),))
    loop = render_track(flute, 8, 4 * SAMPLE_RATE, soundfont).mean(axis=0)
    peak_hz = np.abs(np.fft.rfft(loop)).argmax() / 4
    assert abs(1200 * np.log2(peak_hz / 440)) < 15


def test_missing_program_is_one_clear_line(soundfont: Path):
    nothing = Track("?", "solo", 77, 3, -16.0, 0.0, 0.0, (Note(0.0, 1.0, 60, 90),))
    with pytest.raises(ParameterError, match="no program 3 in bank 77"):
        render_track(nothing, 8, 1000, soundfont)


def test_length_of_the_loop_is_that_of_its_beats():
    for seed in range(30):
        score = write_score(seed)
        exact = score.n_beats * 60 / score.bpm * SAMPLE_RATE
        assert abs(loop_samples(score) - exact) <= 0.5


def test_soundfont_is_found_by_variable_then_in_the_cache(tmp_path, monkeypatch):
    mine = tmp_path / "mine.sf2"
    mine.write_bytes(b"")
    monkeypatch.setenv("RIFFKIT_SOUNDFONT", str(mine))
    assert find_soundfont() == mine
    monkeypatch.setenv("RIFFKIT_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(ParameterError, match=r"RIFFKIT_SOUNDFONT=.*none\.sf2 is not a file"):
        find_soundfont()
    monkeypatch.delenv("RIFFKIT_SOUNDFONT")
    if (Path("/usr/share/sounds/sf2") / FILE_NAME).exists():
        return
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ParameterError, match="install the Debian package fluid-soundfont-gm"):
        find_soundfont()
    cached = tmp_path / "riffkit" / FILE_NAME
    cached.parent.mkdir()
    cached.write_bytes(b"")
    assert find_soundfont() == cached
