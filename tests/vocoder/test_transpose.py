"""An image played higher or lower: other pitch, same tempo, same length."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from riffkit.errors import ParameterError
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1
from riffkit.vocoder.decode import KnownPart, decode

RATE = 44_100
GRID = BeatGrid(120.0, 4)


def tone(hz: float, n_samples: int) -> Tensor:
    turns = round(hz * n_samples / RATE)
    return 0.25 * torch.sin(2 * torch.pi * turns * torch.arange(n_samples) / n_samples)[None]


def strongest_hz(waveform: Tensor) -> float:
    """The peak of the spectrum, by a parabola through its log on a Gaussian window."""
    n_samples = waveform.shape[-1]
    window = torch.signal.windows.gaussian(n_samples, std=n_samples / 8)
    level = torch.fft.rfft(waveform[0] * window).abs().log()
    k = int(level.argmax())
    below, peak, above = level[k - 1 : k + 2].tolist()
    return (k + 0.5 * (below - above) / (below - 2 * peak + above)) * RATE / n_samples


def beats(n_samples: int) -> Tensor:
    """A decaying tone on each of four beats."""
    place = torch.arange(n_samples) % (n_samples // 4)
    decay = torch.exp(-place / 2_000)
    return 0.5 * decay * torch.sin(2 * torch.pi * 660 * place / RATE)[None].expand(2, -1)


@pytest.mark.parametrize("semitones", [-3.0, 2.0, 7.0])
@pytest.mark.parametrize("circular", [True, False])
def test_the_pitch_moves_and_the_length_stays(semitones: float, circular: bool) -> None:
    clip = tone(880.0, GRID.n_samples(RATE))
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID)
    played = decode(replace(image, transpose=semitones), circular=circular)
    assert played.shape == (2, GRID.n_samples(RATE))
    cents = 1200 * math.log2(strongest_hz(played) / strongest_hz(clip)) - 100 * semitones
    assert abs(cents) < 3
    level_db = 10 * math.log10(played[0].square().mean() / clip.square().mean())
    assert abs(level_db) < 0.5


def test_the_beats_stay_where_they_are() -> None:
    clip = beats(GRID.n_samples(RATE))
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID)
    played = decode(replace(image, transpose=5.0), circular=True)
    power = played.square().mean(0)
    around = torch.stack([power.roll(400 - round(k * len(power) / 4))[:1200] for k in range(4)])
    attack = around.argmax(dim=1) - 400
    assert attack.abs().max() < 0.015 * RATE


def test_drawn_lower_and_played_higher_is_the_same_sound() -> None:
    clip = beats(GRID.n_samples(RATE))
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID, transpose=3.0)
    assert image.transpose == 3.0
    plain = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID)
    assert (image.pixels.astype(int) - plain.pixels).std() > 5
    again = waveform_to_image(decode(image, circular=True), RATE, FULL_BAND, grid=GRID)
    level = 255 - plain.pixels.astype(float)
    assert abs(again.pixels.astype(int) - plain.pixels).mean() < 0.12 * level.mean()


def test_a_transposed_loop_has_no_seam() -> None:
    n_samples = GRID.n_samples(RATE)
    clip = beats(n_samples) * torch.linspace(0.5, 1, n_samples)
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID)
    turned = replace(image, pixels=torch.from_numpy(image.pixels).roll(-64, 1).numpy())
    one = decode(replace(image, transpose=-2.0), circular=True)
    other = decode(replace(turned, transpose=-2.0), circular=True)
    torch.testing.assert_close(other, one.roll(-n_samples // 4, -1), atol=2e-4, rtol=0)


def test_known_sound_is_kept_at_another_pitch() -> None:
    clip = beats(GRID.n_samples(RATE))
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=GRID, transpose=3.0)
    known = torch.zeros(image.pixels.shape[:2], dtype=torch.bool)
    known[:, :128] = True
    decoded = decode(image, circular=True, known=KnownPart(clip, known.numpy()))
    kept = slice(8_000, GRID.n_samples(RATE) // 2 - 8_000)
    torch.testing.assert_close(decoded[:, kept], clip[:, kept], atol=5e-3, rtol=0)


def test_off_the_grid_only_playing_transposes() -> None:
    clip = tone(880.0, 100 * 441)
    image = waveform_to_image(clip, RATE, RIFFUSION_V1)
    assert decode(replace(image, transpose=1.0)).shape == clip.shape
    with pytest.raises(ParameterError, match="beat grid"):
        waveform_to_image(clip, RATE, RIFFUSION_V1, transpose=1.0)
    with pytest.raises(ParameterError, match="transpose=25"):
        replace(image, transpose=25.0)
