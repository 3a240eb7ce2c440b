"""Pixels and what they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, Planes
from riffkit.spectrogram.pixels import DEFAULT_MAX_VALUE, mel_to_pixels, pixels_to_mel

RIFFUSION_STEREO = RIFFUSION_V1.with_planes(Planes.RIFFUSION_STEREO)
ALL_PLANES = [FULL_BAND.with_planes(planes) for planes in Planes]


def random_mel(n_planes: int, n_frames: int = 40) -> torch.Tensor:
    loudness = torch.rand(n_planes, 512, n_frames, generator=torch.Generator().manual_seed(1))
    return 2e6 * loudness**4


@pytest.mark.parametrize("params", ALL_PLANES, ids=lambda p: p.planes.name)
def test_mel_to_pixels_and_back_is_within_half_a_level(params):
    mel = random_mel(params.planes.n_mel_planes)
    pixels, max_value = mel_to_pixels(mel, params)
    back = pixels_to_mel(pixels, params, max_value=max_value)
    assert max_value == float(mel.max())
    levels = 255 * (mel / max_value) ** 0.25
    assert (255 * (back / max_value) ** 0.25 - levels).abs().max() <= 0.5 + 1e-3


@pytest.mark.parametrize("power", [0.25, 0.4])
@pytest.mark.parametrize("params", ALL_PLANES, ids=lambda p: p.planes.name)
def test_pixels_to_mel_and_back_is_exact(params, power):
    params = replace(params, power_for_image=power)
    pixels = np.random.default_rng(2).integers(0, 256, (512, 30, 3), dtype=np.uint8)
    if params.planes is Planes.MONO:
        pixels[:] = pixels[:, :, :1]
    elif params.planes is Planes.RIFFUSION_STEREO:
        pixels[:, :, 0] = 0
    back, _ = mel_to_pixels(pixels_to_mel(pixels, params, max_value=5e6), params, max_value=5e6)
    assert (back == pixels).all()


def test_the_equation_row_by_row():
    mel = torch.zeros(1, 512, 1)
    mel[0, 0, 0], mel[0, 511, 0] = 16.0, 1.0
    pixels, max_value = mel_to_pixels(mel, RIFFUSION_V1)
    assert max_value == 16.0
    assert pixels[511, 0].tolist() == [0, 0, 0]  # the lowest band at the bottom, loudest black
    assert pixels[0, 0].tolist() == [128, 128, 128]  # 255 - 255 / 2 = 127.5, rounded and not cut
    assert pixels[100, 0].tolist() == [255, 255, 255]


def test_louder_is_darker_in_even_steps(make_tone):
    """The fourth root: 24.08 dB more is half the way to black."""
    levels = []
    for gain in (1 / 16, 1.0):
        mel = waveform_to_mel(make_tone(440.0, 44_100, gain=gain), RIFFUSION_V1)
        max_value = float(waveform_to_mel(make_tone(440.0, 44_100, gain=1.0), RIFFUSION_V1).max())
        pixels, _ = mel_to_pixels(mel, RIFFUSION_V1, max_value=max_value)
        levels.append(int(pixels[:, 50].min()))
    assert levels[1] == 0
    assert levels[0] == pytest.approx(127.5, abs=1)


def test_silence_is_white_and_silent():
    silence = waveform_to_mel(torch.zeros(2, 44_100), FULL_BAND)
    pixels, max_value = mel_to_pixels(silence, FULL_BAND)
    assert (pixels == 255).all()
    assert max_value == DEFAULT_MAX_VALUE
    assert pixels_to_mel(pixels, FULL_BAND, max_value=max_value).max() == 0


def test_planes_lie_in_their_colours():
    left, right, mid = (random_mel(1, 1) * gain for gain in (1.0, 0.5, 0.2))
    pixels, max_value = mel_to_pixels(torch.cat((left, right, mid)), FULL_BAND)
    for colour, mel in enumerate((left, right, mid)):
        alone, _ = mel_to_pixels(mel, RIFFUSION_V1, max_value=max_value)
        assert (pixels[:, :, colour] == alone[:, :, 0]).all()
    stereo, one_max = mel_to_pixels(torch.cat((left, right)), RIFFUSION_STEREO)
    assert (stereo[:, :, 0] == 0).all()
    assert one_max == float(left.max())
    assert (stereo[:, :, 1:] == pixels[:, :, :2]).all()


def test_mono_reads_all_three_colours():
    pixels = np.zeros((512, 1, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = 90, 100, 110
    even = np.full((512, 1, 3), 100, np.uint8)
    torch.testing.assert_close(
        pixels_to_mel(pixels, RIFFUSION_V1, max_value=1.0),
        pixels_to_mel(even, RIFFUSION_V1, max_value=1.0),
    )


@pytest.mark.parametrize("max_value", [0.0, -1.0, float("nan"), float("inf")])
def test_an_unusable_scale_is_refused(max_value):
    with pytest.raises(ParameterError, match="max_value="):
        mel_to_pixels(random_mel(1), RIFFUSION_V1, max_value=max_value)


def test_a_mel_that_is_not_a_number_is_refused():
    with pytest.raises(ParameterError, match="max_value="):
        mel_to_pixels(random_mel(1) * float("nan"), RIFFUSION_V1)


def test_wrong_plane_count_is_refused():
    with pytest.raises(ParameterError, match="planes=1: must be 3 for LEFT_RIGHT_MID"):
        mel_to_pixels(random_mel(1), FULL_BAND)


def test_lengths_are_exact():
    pixels = np.full((512, 512, 3), 255, np.uint8)
    assert SpectrogramImage(pixels, RIFFUSION_V1).n_samples == 225_792
    for bpm, n_samples in ((93.75, 225_792), (60.0, 352_800), (174.3, 121_446)):
        image = SpectrogramImage(pixels, FULL_BAND, grid=BeatGrid(bpm, 8))
        assert image.n_frames == 512
        assert image.n_samples == n_samples


def test_image_must_fit_its_parameters():
    with pytest.raises(ParameterError, match="height=100"):
        SpectrogramImage(np.zeros((100, 64, 3), np.uint8), RIFFUSION_V1)
    with pytest.raises(ParameterError, match="width=64"):
        SpectrogramImage(np.zeros((512, 64, 3), np.uint8), FULL_BAND, grid=BeatGrid(120.0, 2))
    with pytest.raises(ParameterError, match="width=0"):
        SpectrogramImage(np.zeros((512, 0, 3), np.uint8), RIFFUSION_V1)


def test_without_max_value_riffusions_constant_holds():
    image = SpectrogramImage(np.zeros((512, 4, 3), np.uint8), RIFFUSION_V1)
    assert image.to_mel().max() == 30e6
