"""The cache of bands as levels: tracks add up to the mix, and several processes share a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.score import write_score
from train.listeners import tracks
from train.listeners.bands import Band
from train.listeners.tracks import (
    STEP_DB,
    band_levels,
    band_paths,
    levels_to_power,
    mel_to_levels,
    read_band,
    write_bands,
)
from train.sounds.render_score import SAMPLE_RATE, loop_samples
from train.stream.recipe import FIRST_HELD_OUT


def _tones(number: int, fonts: object = ()) -> Band:
    """A tone for each track of a score, an octave apart."""
    score = write_score(number % 1000)
    seconds = np.arange(loop_samples(score)) / SAMPLE_RATE
    sounds = [
        np.tile(0.05 * np.sin(2 * np.pi * 220 * 2**place * seconds), (2, 1)).astype(np.float32)
        for place in range(len(score.tracks))
    ]
    crackle = 0.01 * np.random.default_rng(0).standard_normal(len(seconds)).astype(np.float32)
    return Band(number, score, tuple(sounds), np.tile(crackle, (2, 1)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the bands that were drawn."""
    numbers: list[int] = []

    def draw(number: int, fonts: object) -> Band:
        numbers.append(number)
        return _tones(number)

    monkeypatch.setattr(tracks, "draw_band", draw)
    return numbers


def test_levels_come_back_within_half_a_step() -> None:
    mel = 10 ** (torch.linspace(31, 157, 4096)[None, None] / 20)
    again = levels_to_power(mel_to_levels(mel)).sqrt()
    assert (20 * (again / mel).log10()).abs().max() < STEP_DB / 2 + 1e-3
    assert float(levels_to_power(mel_to_levels(torch.zeros(1, 1, 1)))) == 0


def test_the_powers_of_the_tracks_add_up_to_the_mix() -> None:
    band = band_levels(_tones(3))
    power = levels_to_power(band.tracks).sum(0) + levels_to_power(band.crackle).sum(0)
    mix = levels_to_power(band.mix)[2]
    loud = mix > 1e-4 * mix.max()
    assert (10 * (power / mix)[loud].log10()).abs().median() < 1
    assert torch.equal(band.mix[0], band.mix[1])
    assert torch.equal(band.mix[0], band.mix[2])


def test_a_band_is_read_as_it_was_written(tmp_path: Path, drawn: list[int]) -> None:
    numbers = [FIRST_HELD_OUT, 0, 1]
    assert list(write_bands(tmp_path, numbers, [])) == numbers
    assert list(write_bands(tmp_path, numbers, [])) == []
    assert drawn == numbers
    assert [path.name for path in band_paths(tmp_path, held_out=True)] == [
        f"band-{FIRST_HELD_OUT}.safetensors"
    ]
    written, read = band_levels(_tones(1)), read_band(band_paths(tmp_path)[1])
    assert read.score == written.score
    assert read.number == 1
    for name in ("tracks", "crackle", "mix"):
        assert torch.equal(getattr(read, name), getattr(written, name))
    assert not list(tmp_path.glob("*.lock"))


def test_a_band_that_another_process_is_at_is_left_to_it(tmp_path: Path, drawn: list[int]) -> None:
    handle = os.open(tmp_path / "band-0000000000.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert list(write_bands(tmp_path, [0, 1], [])) == [1]
    os.close(handle)  # as the system does when its owner dies
    assert list(write_bands(tmp_path, [0, 1], [])) == [0]


def test_a_damaged_band_is_told(tmp_path: Path, drawn: list[int]) -> None:
    list(write_bands(tmp_path, [0], []))
    (path,) = band_paths(tmp_path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ParameterError, match="damaged; remove it and render it again"):
        read_band(path)
