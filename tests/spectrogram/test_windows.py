"""Windows that match the rows: the rule, its level over the rows, and what it does for a hit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.mel_scale import mel_row_hz, mel_row_spacing_hz
from riffkit.spectrogram.params import CRISP, FULL_BAND, PRESETS, Planes
from riffkit.spectrogram.windows import LARGEST_STEP, row_windows_ms, window_bands

RATE = 44_100
MONO = CRISP.with_planes(Planes.MONO)
COLUMNS_MS = [60_000 / 64 / bpm for bpm in (60, 93.75, 120, 180)]


@pytest.mark.parametrize("column_ms", COLUMNS_MS)
def test_a_window_is_as_long_as_its_row_asks_for(column_ms: float) -> None:
    windows_ms, spacing_hz = row_windows_ms(CRISP, column_ms), mel_row_spacing_hz(CRISP)
    shortest = max(CRISP.shortest_window_ms, 2.5 * column_ms)
    free = (windows_ms > shortest) & (windows_ms < CRISP.window_ms)
    assert free.sum() > 100
    assert windows_ms[free] * spacing_hz[free] == pytest.approx(1000 * CRISP.time_bandwidth)
    assert windows_ms.max() == CRISP.window_ms
    assert windows_ms.min() >= 2.5 * column_ms


@pytest.mark.parametrize("column_ms", COLUMNS_MS)
def test_the_ladder_s_weights_are_one_in_each_row(column_ms: float) -> None:
    bands = window_bands(CRISP, column_ms)
    assert sum(band.weight for band in bands) == pytest.approx(np.ones(512))
    lengths = np.array([band.window_ms for band in bands])
    assert lengths[0] == CRISP.window_ms
    assert (lengths[:-1] / lengths[1:]).max() <= LARGEST_STEP + 1e-6
    mean_log = sum(band.weight * np.log(band.window_ms) for band in bands)
    assert mean_log == pytest.approx(np.log(row_windows_ms(CRISP, column_ms)))


@pytest.mark.parametrize("name", ["riffusion-v1", "full-band"])
def test_older_presets_have_one_window(name: str) -> None:
    (band,) = window_bands(PRESETS[name], 10.0)
    assert (band.window_ms, band.level) == (100.0, 1.0)
    assert (band.weight == 1).all()


def steps_db(level: np.ndarray) -> np.ndarray:
    """How far each row lies off the line between rows four below and above it, in dB."""
    db = 20 * np.log10(level)
    return db[4:-4] - 0.5 * (db[:-8] + db[8:])


def test_noise_is_continuous_over_the_rows_and_as_bright_as_with_one_window() -> None:
    noise = 0.1 * torch.randn(1, 60 * RATE, generator=torch.Generator().manual_seed(0))
    level = waveform_to_mel(noise, MONO)[0].square().mean(-1).sqrt().numpy()
    assert np.abs(steps_db(level)).max() < 0.5
    one_window = replace(MONO, time_bandwidth=0.0)
    same = waveform_to_mel(noise, one_window)[0].square().mean(-1).sqrt().numpy()
    assert np.abs(20 * np.log10(level / same)).max() < 1.5


def test_a_tone_is_continuous_over_the_rows() -> None:
    """A tone on each row's peak, from 300 Hz on, as bright as its neighbours'."""
    rows = np.arange(20, 500, 2)
    seconds = torch.arange(RATE // 2) / RATE
    level = []
    for row in rows:
        tone = 0.3 * torch.sin(2 * torch.pi * float(mel_row_hz(MONO)[row]) * seconds)
        level.append(float(waveform_to_mel(tone[None], MONO)[0, row, 20:30].mean()))
    assert np.abs(steps_db(np.array(level))).max() < 0.15


def test_a_click_is_short_in_the_high_rows_and_long_in_the_low_ones() -> None:
    clip = torch.zeros(1, RATE)
    clip[0, RATE // 2] = 1
    crisp, full = (
        waveform_to_mel(clip, params.with_planes(Planes.MONO))[0] for params in (CRISP, FULL_BAND)
    )

    def columns(mel: torch.Tensor, row: int) -> int:
        return int((mel[row] > 0.1 * mel[row].max()).sum())

    assert columns(full, 500) == columns(full, 10) == 7
    assert columns(crisp, 10) == 7
    assert columns(crisp, 250) <= 3
    assert columns(crisp, 500) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("time_bandwidth", -1.0), ("shortest_window_ms", 101.0), ("mel_break_hz", 0.0)],
)
def test_impossible_windows_are_refused(field: str, value: float) -> None:
    with pytest.raises(ParameterError, match=field):
        replace(CRISP, **{field: value})
