"""A recording on its own beat grid."""

from __future__ import annotations

from pathlib import Path

import pytest

from riffkit import Riff
from riffkit.audio import files
from riffkit.music.request import PaintRequest
from riffkit.music.source import open_source
from tests.analysis.test_first_downbeat import RATE, drums


@pytest.mark.parametrize(("bpm", "offset_beats"), [(97.3, 0.4), (120.0, 2.25)])
def test_the_grid_fits_from_the_first_bar_to_the_last(
    riff: Riff, tmp_path: Path, bpm: float, offset_beats: float
) -> None:
    """Its tempo is measured over all beats, so that a minute later they are still on the grid."""
    files.save(tmp_path / "song.wav", drums(bpm, offset_beats * 60 / bpm, 4, seconds=61.0), RATE)
    source = open_source(riff.pipeline, tmp_path / "song.wav", PaintRequest())
    beat = 60 / source.grid.bpm
    assert source.grid.bpm == pytest.approx(bpm, abs=0.02)
    first = offset_beats * 60 / bpm + source.n_lead / riff.pipeline.params.sample_rate
    for n_beats in (0, 96):  # of the song, where the grid has a bar
        late = (first + n_beats * 60 / bpm + beat / 2) % (4 * beat) - beat / 2
        assert abs(late) < 0.008, n_beats
    assert source.identity["lead_samples"] == source.n_lead
