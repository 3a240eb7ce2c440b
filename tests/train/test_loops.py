"""Rendered loops are a dataset like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riffkit.dataset.formats import read_dataset_info, read_metadata, read_shards
from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND
from train.loops.dataset import clip_of, finish, read_loops, write_loops


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dataset of 40 images: two levels of gray, by caption."""
    clips = []
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 40, (40, 512, 128, 3), dtype=np.uint8)
    for row in range(40):
        dark = row % 2
        pixels[row] += np.uint8(20 + 140 * dark)
        captions = ["loud drums"] * 2 if dark else ["quiet piano"] * 2
        facts = {"beats_per_bar": 4, "instruments": ["drums" if dark else "piano"], "key": None}
        image = SpectrogramImage(pixels[row], FULL_BAND, grid=BeatGrid(120.0, 2))
        clips.append(clip_of(row, image, captions, facts, lufs=-16.0))
    write_loops(tmp_path, 0, clips)
    finish(tmp_path, seed=0)
    return tmp_path


def test_rendered_loops_are_a_dataset(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    loops, records = read_loops(data), read_metadata(data)
    assert len(loops) == 40 == len(records)
    assert loops[1].facts["instruments"] == ["drums"] and loops[1].captions[0] == "loud drums"
    samples = [*read_shards(data, "train"), *read_shards(data, "test")]
    for loop, sample in zip(loops, samples, strict=True):
        assert loop.width == 128
        assert np.array_equal(loop.pixels(), sample.image.pixels.transpose(2, 0, 1))
        assert sample.record.captions == loop.captions
    assert [s.record.file_name for s in samples[-2:]] == [f"test/{n:08d}.flac" for n in (19, 39)]
    assert read_dataset_info(data).params == FULL_BAND
    with pytest.raises(ParameterError, match="riff train render"):
        read_loops(tmp_path_factory.mktemp("empty"))
