"""Whole clips and files to images."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from riffkit.errors import AudioFileError
from riffkit.spectrogram import convert
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import audio_file_to_image, waveform_to_image
from riffkit.spectrogram.mel import waveform_to_mel
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1
from riffkit.spectrogram.streaming import stream_to_mel

RATE = 44_100


@pytest.mark.parametrize("params", [FULL_BAND, CRISP], ids=lambda p: p.preset)
@pytest.mark.parametrize(
    ("n_samples", "block"), [(1, 1), (2_205, 100), (8_820, 97), (8_821, 8_821), (50_001, 441)]
)
def test_blocks_give_the_frames_of_the_whole(params, n_samples, block, make_music):
    music = make_music(n_samples)
    whole = waveform_to_mel(music, params)
    joined = torch.cat(list(stream_to_mel(music.split(block, dim=-1), params)), dim=-1)
    torch.testing.assert_close(joined, whole, rtol=1e-5, atol=1e-5 * float(whole.max()))


@pytest.mark.parametrize("params", [RIFFUSION_V1, FULL_BAND, CRISP], ids=lambda p: p.preset)
def test_long_files_give_the_image_of_the_waveform(params, make_music, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", make_music(3 * RATE).T.numpy(), RATE, subtype="FLOAT")
    at_once = audio_file_to_image(tmp_path / "a.wav", params)
    monkeypatch.setattr(convert, "ONE_PASS_SECONDS", 0.5)
    monkeypatch.setattr(convert, "BLOCK_SAMPLES", 10_000)
    in_blocks = audio_file_to_image(tmp_path / "a.wav", params)
    from_waveform = waveform_to_image(make_music(3 * RATE), RATE, params)
    assert in_blocks.max_value == pytest.approx(at_once.max_value, rel=1e-5)
    for image in (in_blocks, from_waveform):
        apart = np.abs(image.pixels.astype(int) - at_once.pixels)
        assert apart.max() <= 1
        assert apart.mean() < 1e-3


def test_other_rates_are_resampled(make_music, tmp_path, make_tone):
    """A tone of 1 kHz at 48 kHz stands in the row of one at 44.1 kHz, as loud and as long."""
    tone = 0.5 * torch.sin(2 * torch.pi * 1_000 * torch.arange(96_000) / 48_000)[None]
    image = waveform_to_image(tone, 48_000, RIFFUSION_V1)
    expected = waveform_to_image(make_tone(1_000.0, 2 * RATE), RATE, RIFFUSION_V1)
    assert image.n_frames == 200
    apart = np.abs(image.pixels.astype(int) - expected.pixels)[:, 20:-20]
    audible = expected.pixels[:, 20:-20] < 200  # above -53 dB
    assert apart[audible].max() <= 2
    assert audible.any()
    grid = BeatGrid(120.0, 4)
    looped = waveform_to_image(tone, 48_000, FULL_BAND, grid=grid)
    assert looped.n_samples == 2 * RATE
    assert looped.grid == grid
    assert looped.n_frames == 256
    from_first = np.abs(looped.pixels.astype(int) - looped.pixels[:, :1])
    assert from_first[looped.pixels < 200].max() <= 1  # whole cycles: no seam


@pytest.mark.parametrize("params", [FULL_BAND, CRISP], ids=lambda p: p.preset)
def test_circular_off_the_grid_turns_with_the_clip(params, make_music):
    music = make_music(441 * 50)
    image = waveform_to_image(music, RATE, params, circular=True)
    turned = waveform_to_image(music.roll(441 * 7, -1), RATE, params, circular=True)
    assert (np.roll(image.pixels, 7, axis=1) == turned.pixels).mean() > 0.9999


def test_silent_files_are_white(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", np.zeros((RATE, 2)), RATE)
    for seconds in (60.0, 0.1):
        monkeypatch.setattr(convert, "ONE_PASS_SECONDS", seconds)
        image = audio_file_to_image(tmp_path / "a.wav", FULL_BAND)
        assert (image.pixels == 255).all()
        assert image.to_mel().max() == 0


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioFileError):
        audio_file_to_image(tmp_path / "a.wav", FULL_BAND)


_ENCODE = """
import resource, sys
from riffkit.spectrogram import png
from riffkit.spectrogram.convert import audio_file_to_image
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import SpectrogramParams

png.STREAMED_PIXELS = 10_000
# Few frames, and a quick transform: the blocks of sound are as long as ever.
params = SpectrogramParams(hop_ms=50.0, padded_ms=100.0, n_mels=64)

def convert(audio):
    image = audio_file_to_image(audio, params)
    image.save(sys.argv[3])
    return SpectrogramImage.open(sys.argv[3]).pixels.nbytes

convert(sys.argv[1])  # loads what is loaded once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
n_bytes = convert(sys.argv[2])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024 - 2 * n_bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_memory_beside_the_image_does_not_grow_with_the_clip(tmp_path, root):
    """Five minutes are 57 MB of samples, never held at once."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(65 * RATE).astype(np.float32)
    soundfile.write(tmp_path / "one.wav", noise, RATE)
    soundfile.write(tmp_path / "five.wav", np.tile(noise, 5), RATE)
    arguments = [str(tmp_path / name) for name in ("one.wav", "five.wav", "five.png")]
    command = [sys.executable, "-c", _ENCODE, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    assert int(done.stdout) < 20e6
