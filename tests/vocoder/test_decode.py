from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.vocoder.decode import KnownPart, decode, decode_blocks
from riffkit.vocoder.griffin_lim import GriffinLim
from riffkit.vocoder.registry import vocoder

RATE = 44_100
HOP = 441


def tones(n_samples: int, n_channels: int) -> Tensor:
    """Steady tones, whole turns round the clip, the right channel softer."""
    place = torch.arange(n_samples) / n_samples
    clip = sum(
        0.1 * torch.sin(2 * torch.pi * round(hz * n_samples / RATE) * place + hz)
        for hz in (196.0, 523.0, 1_319.0)
    )
    return torch.stack([clip / (1 + channel) for channel in range(n_channels)])


def envelope_db(waveform: Tensor) -> Tensor:
    """The level of every 10 ms against the whole's, in dB, over windows of 40 ms."""
    power = waveform.square().mean(0).unfold(-1, 4 * HOP, HOP).mean(-1)
    return 10 * torch.log10(power / power.mean())


def test_the_level_is_right_when_max_value_is() -> None:
    clip = tones(80 * HOP, 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1)
    decoded = decode(image)
    assert decoded.shape == clip.shape
    assert abs(10 * math.log10(decoded.square().mean() / clip.square().mean())) < 0.3


def test_without_max_value_black_is_riffusions_constant() -> None:
    image = waveform_to_image(tones(40 * HOP, 1), RATE, RIFFUSION_V1)
    unknown = decode(replace(image, max_value=None))
    assert torch.equal(unknown, decode(replace(image, max_value=30e6)))


@pytest.mark.parametrize("bpm", [60.0, 93.75, 120.0, 174.3])
def test_an_image_in_beats_has_its_exact_length(bpm: float) -> None:
    grid = BeatGrid(bpm, 1)
    clip = tones(grid.n_samples(RATE), 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1, grid=grid)
    assert decode(image, circular=True).shape == (1, round(60 / bpm * RATE))


@pytest.mark.parametrize("as_tensors", [False, True])
@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP])
@pytest.mark.parametrize("circular", [False, True])
def test_blocks_join_without_a_sound(
    params: SpectrogramParams, circular: bool, as_tensors: bool
) -> None:
    clip = tones(400 * HOP, params.planes.n_channels)
    image = waveform_to_image(clip, RATE, params, circular=circular)
    voice = GriffinLim(as_tensors=as_tensors)
    joined = decode_blocks(image, voice, circular=circular, block_frames=160)
    assert joined.shape == clip.shape
    turned = joined.roll(100 * HOP, -1) if circular else joined
    level = envelope_db(turned)[12:-12]
    wanted = envelope_db(clip.roll(100 * HOP, -1) if circular else clip)[12:-12]
    assert (level - wanted).abs().max() < 3  # unrelated phases would swing by 6 dB and more
    inner = turned[:, 10 * HOP : -10 * HOP]  # an open clip's ends are no joins
    assert inner.diff().abs().max() < 1.25 * clip.diff().abs().max()


def test_blocks_of_an_image_in_beats_keep_its_length() -> None:
    grid = BeatGrid(174.3, 5)
    clip = tones(grid.n_samples(RATE), 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1, grid=grid)
    joined = decode_blocks(image, vocoder("griffin-lim"), circular=True, block_frames=160)
    assert joined.shape == (1, image.n_samples)
    assert (envelope_db(joined) - envelope_db(clip)).abs().max() < 1.5


def test_long_images_go_through_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from riffkit.vocoder import decode as module

    image = waveform_to_image(tones(200 * HOP, 1), RATE, RIFFUSION_V1)
    whole = decode(image)
    monkeypatch.setattr("riffkit.vocoder.decode.WHOLE_FRAMES", 100)
    widths: list[int] = []
    plain = module._decode_part

    def seen(image: SpectrogramImage, columns: range, *rest, **options) -> Tensor:
        widths.append(len(columns))
        return plain(image, columns, *rest, **options)

    monkeypatch.setattr("riffkit.vocoder.decode._decode_part", seen)
    assert decode(image).shape == whole.shape
    assert widths and max(widths) <= module.BLOCK_FRAMES


def known_but(image: SpectrogramImage, clip: Tensor, rows: slice, columns: slice) -> KnownPart:
    """All of `clip` is known but a rectangle of its image."""
    is_known = np.ones(image.pixels.shape[:2], np.bool_)
    is_known[rows, columns] = False
    return KnownPart(clip, is_known)


@pytest.mark.parametrize("circular", [False, True])
def test_what_is_known_comes_back_and_the_gap_is_filled_in_step(circular: bool) -> None:
    clip = tones(200 * HOP, 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1, circular=circular)
    known = known_but(image, clip, slice(None), slice(80, 120))
    decoded = decode(image, circular=circular, known=known)
    outside = slice(0, 70 * HOP)
    error = (decoded - clip)[:, outside].square().mean().sqrt()
    assert error < 0.01 * clip[:, outside].square().mean().sqrt()
    gap = slice(76 * HOP, 124 * HOP)
    level = decoded[:, gap].square().mean() / clip[:, gap].square().mean()
    assert abs(10 * math.log10(level)) < 1
    inner = decoded[:, 10 * HOP : -10 * HOP]
    assert inner.diff().abs().max() < 1.25 * clip.diff().abs().max()


def test_a_band_is_changed_and_the_rest_stays() -> None:
    """The tone at 523 Hz is painted out; those at 196 and 1,319 Hz keep their very phase."""
    clip = tones(200 * HOP, 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1)
    rows = slice(512 - 160, 512 - 90)  # about 350 to 700 Hz
    painted = image.pixels.copy()
    painted[rows, 60:140] = 255
    edited = replace(image, pixels=painted)
    decoded = decode(edited, known=known_but(image, clip, rows, slice(60, 140)))

    def part(waveform: Tensor, hz: float) -> complex:
        place = torch.arange(80 * HOP, 120 * HOP)
        exact = round(hz * 200 * HOP / RATE) / (200 * HOP)
        window = torch.hann_window(len(place))
        turn = torch.polar(window, -2 * torch.pi * exact * place)
        return complex((waveform[0, place] * turn).sum())

    assert abs(part(decoded, 523.0)) < 0.05 * abs(part(clip, 523.0))
    for hz in (196.0, 1_319.0):
        before, after = part(clip, hz), part(decoded, hz)
        assert abs(after - before) < 0.05 * abs(before)


def test_known_sound_of_another_length_is_refused() -> None:
    clip = tones(20 * HOP, 1)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1)
    known = known_but(image, clip[:, 1:], slice(None), slice(0, 3))
    with pytest.raises(ParameterError, match="as the image"):
        decode(image, known=known)


def test_an_unknown_vocoder_is_refused() -> None:
    image = waveform_to_image(tones(10 * HOP, 1), RATE, RIFFUSION_V1)
    with pytest.raises(ParameterError, match="vocoder='theremin'"):
        decode(image, vocoder="theremin")
