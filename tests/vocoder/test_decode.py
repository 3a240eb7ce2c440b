from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.vocoder.decode import decode, decode_blocks
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


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND])
@pytest.mark.parametrize("circular", [False, True])
def test_blocks_join_without_a_sound(params: SpectrogramParams, circular: bool) -> None:
    clip = tones(400 * HOP, params.planes.n_channels)
    image = waveform_to_image(clip, RATE, params, circular=circular)
    voice = vocoder("griffin-lim")
    joined = decode_blocks(image, voice, circular=circular, block_frames=160)
    assert joined.shape == clip.shape
    turned = joined.roll(100 * HOP, -1) if circular else joined
    level = envelope_db(turned)[12:-12]
    wanted = envelope_db(clip.roll(100 * HOP, -1) if circular else clip)[12:-12]
    assert (level - wanted).abs().max() < 1  # unrelated phases would swing by 6 dB and more
    inner = turned[:, 10 * HOP : -10 * HOP]  # an open clip's ends are no joins
    assert inner.diff().abs().max() < 1.1 * clip.diff().abs().max()


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
    plain = module._decode_columns

    def seen(image: SpectrogramImage, first: int, last: int, *rest, **options) -> Tensor:
        widths.append(last - first)
        return plain(image, first, last, *rest, **options)

    monkeypatch.setattr("riffkit.vocoder.decode._decode_columns", seen)
    assert decode(image).shape == whole.shape
    assert widths and max(widths) <= module.BLOCK_FRAMES


def test_an_unknown_vocoder_is_refused() -> None:
    image = waveform_to_image(tones(10 * HOP, 1), RATE, RIFFUSION_V1)
    with pytest.raises(ParameterError, match="vocoder='theremin'"):
        decode(image, vocoder="theremin")
