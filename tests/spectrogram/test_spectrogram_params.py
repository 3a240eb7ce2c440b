from __future__ import annotations

import json

import pytest

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.params import (
    FULL_BAND,
    PRESETS,
    RIFFUSION_V1,
    Planes,
    SpectrogramParams,
    preset,
)


def test_riffusion_v1_has_the_published_numbers():
    assert RIFFUSION_V1.to_dict() == {
        "preset": "riffusion-v1",
        "sample_rate": 44_100,
        "hop_ms": 10.0,
        "window_ms": 100.0,
        "padded_ms": 400.0,
        "n_mels": 512,
        "min_hz": 0.0,
        "max_hz": 10_000.0,
        "power_for_image": 0.25,
        "planes": 0,
    }
    assert RIFFUSION_V1.hop_samples == 441


def test_full_band_differs_in_band_and_planes_only():
    changed = {
        name for name, value in FULL_BAND.to_dict().items() if RIFFUSION_V1.to_dict()[name] != value
    }
    assert changed == {"preset", "max_hz", "planes"}
    assert FULL_BAND.max_hz == 20_000.0
    assert FULL_BAND.planes is Planes.LEFT_RIGHT_MID


def test_to_dict_and_back_through_json():
    for params in PRESETS.values():
        assert SpectrogramParams.from_dict(json.loads(json.dumps(params.to_dict()))) == params
        assert preset(params.preset) is params


def test_planes():
    assert [p.n_mel_planes for p in Planes] == [1, 2, 3]
    assert [p.n_channels for p in Planes] == [1, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": 0}, "sample_rate=0"),
        ({"hop_ms": -1.0}, "hop_ms=-1.0"),
        ({"hop_ms": float("nan")}, "hop_ms=nan"),
        ({"padded_ms": 50.0}, "padded_ms=50.0"),
        ({"max_hz": 30_000.0}, "max_hz=30000.0"),
        ({"min_hz": 12_000.0}, "min_hz=12000.0"),
    ],
)
def test_unusable_values_are_refused(change, message):
    with pytest.raises(ParameterError, match=message):
        SpectrogramParams(**change)


def test_unknown_names_are_refused():
    with pytest.raises(ParameterError, match="preset='riff'"):
        preset("riff")
    with pytest.raises(ParameterError, match="unknown spectrogram parameters: hop"):
        SpectrogramParams.from_dict({"hop": 1})
    with pytest.raises(ParameterError, match="unusable spectrogram parameters"):
        SpectrogramParams.from_dict({"hop_ms": "fast"})


def test_whole_numbers_from_json_become_floats():
    assert SpectrogramParams.from_dict({"hop_ms": 5, "planes": 1}) == SpectrogramParams(
        hop_ms=5.0, planes=Planes.RIFFUSION_STEREO
    )


def test_beats_are_64_px_at_any_tempo():
    assert [BeatGrid(bpm, 8).n_frames for bpm in (60.0, 93.75, 174.3)] == [512] * 3
    assert BeatGrid(100.0, 6).n_frames == 384  # two bars of a waltz
    assert BeatGrid(93.75, 8).n_samples(44_100) == 512 * 441
    assert BeatGrid(174.3, 8).n_samples(48_000) == round(8 * 60 / 174.3 * 48_000)
    assert BeatGrid(120.0, 8).seconds == 4.0


@pytest.mark.parametrize(
    ("bpm", "n_beats"), [(0.0, 8), (19.9, 8), (401.0, 8), (float("nan"), 8), (120.0, 0)]
)
def test_unusable_grids_are_refused(bpm, n_beats):
    with pytest.raises(ParameterError):
        BeatGrid(bpm, n_beats)
