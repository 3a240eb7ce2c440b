"""The neural vocoder with the weights that ship."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from riffkit.audio.files import load
from riffkit.evaluation.fidelity import channel_correlation, fidelity
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, SpectrogramParams
from riffkit.vocoder.decode import KnownPart, decode
from riffkit.vocoder.griffin_lim import ITERATIONS, GriffinLim
from riffkit.vocoder.neural import WEIGHTS, NeuralVocoder

RATE = 44_100
CLIP_SAMPLES = 256 * 441


def golden(root: Path) -> Tensor:
    """Real music that no training saw."""
    waveform, _ = load(root / "samples" / "golden" / "feelings.flac", sample_rate=RATE)
    return waveform[:, :CLIP_SAMPLES].expand(2, -1).clone()


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 1e6


@pytest.mark.parametrize("params", [FULL_BAND, RIFFUSION_V1])
def test_its_start_is_nearer_than_griffin_lims(root: Path, params: SpectrogramParams) -> None:
    clip = golden(root)
    clip = clip if params.planes.n_channels == 2 else clip.mean(0, keepdim=True)
    image = waveform_to_image(clip, RATE, params)
    mel = image.to_mel()[None]

    def mr_stft(voice: GriffinLim) -> float:
        voice.iterations = ITERATIONS  # the same number of turns for both
        decoded = voice(mel, params, n_samples=CLIP_SAMPLES, quality="default")[0]
        return fidelity(clip, decoded, image).mr_stft

    assert mr_stft(NeuralVocoder()) < mr_stft(GriffinLim())


@pytest.mark.parametrize("bpm", [60.0, 120.0, 180.0])
def test_a_tone_keeps_its_pitch_at_every_tempo(bpm: float) -> None:
    grid = BeatGrid(bpm, 4)
    n_samples = grid.n_samples(RATE)
    turns = round(1_003 * n_samples / RATE)
    clip = 0.25 * torch.sin(2 * torch.pi * turns * torch.arange(n_samples) / n_samples)
    image = waveform_to_image(clip[None].expand(2, -1), RATE, FULL_BAND, grid=grid)
    decoded = decode(image, vocoder="neural", circular=True)
    assert decoded.shape == (2, n_samples)
    level = torch.fft.rfft(decoded[0]).abs()
    peak = int(level.argmax())
    assert abs(1200 * math.log2(peak / turns)) < 3
    assert abs(20 * math.log10(decoded[0].norm() / clip.norm())) < 0.5


def test_left_and_right_stay_apart_as_they_are(root: Path) -> None:
    clip = golden(root)
    clip[1] = 0.6 * clip[1].roll(300) + 0.2 * clip[0]
    decoded = decode(waveform_to_image(clip, RATE, FULL_BAND), vocoder="neural")
    error = channel_correlation(clip, RATE) - channel_correlation(decoded, RATE)
    assert abs(error) < 0.04


def test_a_turned_loop_is_the_loop_turned(root: Path) -> None:
    grid = BeatGrid(120.0, 4)
    clip = golden(root)[:, : grid.n_samples(RATE)]
    image = waveform_to_image(clip, RATE, FULL_BAND, grid=grid)
    mel = image.to_mel()[None]
    options = {"n_samples": image.n_samples, "circular": True}
    one = NeuralVocoder()(mel, FULL_BAND, **options)
    other = NeuralVocoder()(mel.roll(64, -1), FULL_BAND, **options)
    torch.testing.assert_close(other, one.roll(image.n_samples // 4, -1), atol=1e-3, rtol=0)


def test_known_sound_stays(root: Path) -> None:
    clip = golden(root)
    image = waveform_to_image(clip, RATE, FULL_BAND)
    known = np.zeros(image.pixels.shape[:2], np.bool_)
    known[:, :128] = True
    decoded = decode(image, vocoder="neural", known=KnownPart(clip, known))
    kept = slice(2205, 110 * 441)  # but for half a window at either end
    torch.testing.assert_close(decoded[:, kept], clip[:, kept], atol=5e-3, rtol=0)


def test_silence_is_silence() -> None:
    mel = torch.zeros(1, 3, 512, 20)
    decoded = NeuralVocoder()(mel, FULL_BAND, n_samples=20 * 441)
    assert torch.equal(decoded, torch.zeros(1, 2, 20 * 441))
